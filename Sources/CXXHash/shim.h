// XXH3-64, the checksum that ends each line of the log.
#include <xxhash.h>

// On x86-64 the library has a second entry, which takes the widest vectors that the processor has.
// The header makes the usual name a macro for it, which Swift's importer cannot see.
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

static inline XXH64_hash_t xxh3_64bits(const void *bytes, size_t count) {
    return XXH3_64bits(bytes, count);
}
