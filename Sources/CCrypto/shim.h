// libcrypto's own headers: comparison in constant time, digests, and HMAC over them.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
