// zlib's own header; inflateInit2 is a macro, for which inflateInit2_ stands.
#include <zlib.h>
