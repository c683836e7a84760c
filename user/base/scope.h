/*
 * scope.h - scoped cleanup: the one place that uses the compiler's cleanup attribute.
 *
 *	SCOPED(buf_done) struct buf b = { 0 };	   buf_done(&b) at the end of the block
 *	SCOPED_FD int fd = open(...);		   closed unless -1
 *	SCOPED_FREE char *s = strdup(...);	   freed
 *	return take_ptr(s);			   hands it on: s becomes NULL
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include <stdlib.h>
#include <unistd.h>

#define SCOPED(fn) __attribute__((cleanup(fn)))
#define SCOPED_FREE SCOPED(scope_free)
#define SCOPED_FD SCOPED(scope_close)

static inline void scope_free(void *pp)
{
	free(*(void **)pp);
}

static inline void scope_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define take_ptr(p)                                                                                \
	({                                                                                         \
		__auto_type taken_ = (p);                                                          \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

static inline int take_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#endif
