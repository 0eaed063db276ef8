// Calls of Linux and glibc that Swift's Glibc module does not show, because their declarations
// stand behind _GNU_SOURCE or in a header that it leaves out.
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// epoll(7)
#include <sys/epoll.h>

// eventfd(2)
#include <sys/eventfd.h>

// timerfd_create(2)
#include <sys/timerfd.h>

// getrandom(2)
#include <sys/random.h>

// fallocate(2)
int fallocate(int descriptor, int mode, off_t offset, off_t length);
#define FALLOC_FL_KEEP_SIZE 0x01

// dup3(2)
int dup3(int descriptor, int target, int flags);

// memmem(3)
void *memmem(const void *bytes, size_t count, const void *sought, size_t soughtCount);

// pthread_setname_np(3)
int pthread_setname_np(pthread_t thread, const char *name);

// posix_spawn(3)
#include <spawn.h>
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

// environ(7): a variable that anybody may change, which Swift does not let us read.
#include <unistd.h>
extern char **environ;
static inline char **footfall_environ(void) { return environ; }
