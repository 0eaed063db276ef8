// XXH3-64, the checksum that ends each line of the log.
#include <xxhash.h>
