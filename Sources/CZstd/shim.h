// Zstandard (RFC 8878), in which sealed segments are kept.
#include <zstd.h>
