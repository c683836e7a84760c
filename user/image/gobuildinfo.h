/*
 * gobuildinfo.h - the Go version of a binary and how it was built.
 *
 * Wire form (Go debug/buildinfo, cmd/link buildinfo; 1.18 on, amd64 and arm64):
 *	"\xff Go buildinf:" ptrsize flags pad to 32, flags & 2: two strings (uvarint length, bytes):
 *	version, module data; the module data stands between two 16-byte marks and has lines
 *	"build\tKEY=VALUE".
 * Without it (other linkers' strip, npm's esbuild): the string header of runtime.buildVersion.
 *
 * Facts: docs/go-runtime.md 1.1.
 */
#ifndef IMAGE_GOBUILDINFO_H
#define IMAGE_GOBUILDINFO_H

#include "image/elfimg.h"
#include "image/image.h"

struct gobuildinfo {
	struct goversion version;
	bool present; /* false: the version is runtime.buildVersion's */
	bool race;    /* -race */
	bool pgo;     /* -pgo names a profile */
	bool library; /* -buildmode=c-shared, shared or plugin */
};

/*
 * Fills *ret. 0; -ENOTSUP neither build info nor a version string: not a Go binary, or the
 * two disagree; -EBADMSG the version text makes no sense.
 */
int gobuildinfo_read(const struct elfimg *e, struct gobuildinfo *ret, struct diag *d);

/*
 * Reads a version text: "go1.N[.P]" and whatever follows. 0, or -EBADMSG (then *ret is untouched)
 * for "devel ..." without a number and for what is no version.
 */
int goversion_parse(const char *text, size_t len, struct goversion *ret);

#endif
