#include "CBuild.h"

const char *footfall_commit(void) { return FOOTFALL_COMMIT; }
