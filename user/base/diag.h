/*
 * diag.h - what went wrong, in a sentence, for the caller to tell.
 *
 * base, image, trace, proc, model and report print nothing: they fill the caller's struct diag and
 * return -errno. cmd alone prints it, as "gotrace-bpf: <object>: <what failed>: <why>; <remedy>".
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdint.h>

#define DIAG_NO_OFF UINT64_MAX

struct diag {
	char text[480];
	uint64_t off; /* offset in the file it is about, or DIAG_NO_OFF */
};

/*
 * Sets the sentence (cut if too long; control characters escaped) and returns err, so that
 * "return diag_set(d, -EBADMSG, ...)" reads well. d may be NULL. off becomes DIAG_NO_OFF.
 */
int diag_set(struct diag *d, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with an offset. */
int diag_set_at(struct diag *d, uint64_t off, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "text: " before what d says. err is returned. */
int diag_prefix(struct diag *d, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
