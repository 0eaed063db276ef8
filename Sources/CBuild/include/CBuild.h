// What this Footfall is.

// Its version (semver.org): the one place that says it.
#define FOOTFALL_VERSION "0.1.0"

// The commit that it was built from, "-dirty" behind it when files differed from that; "unknown" when
// nobody said. `make` says it to Package.swift in the variable FOOTFALL_COMMIT. It is a function, not
// a definition here, so that a new commit does not compile every module again.
const char *footfall_commit(void);
