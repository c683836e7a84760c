/*
 * rawtext.c - a trace as text and back, through trace/rawtext.h.
 *
 *	rawtext WIRE TEXT     wire to text
 *	rawtext -r TEXT WIRE  text to wire
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "trace/rawtext.h"

static int read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char chunk[65536];
	size_t n;

	if (!f)
		return -1;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_bytes(out, chunk, n);
	fclose(f);
	return out->failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	bool back = argc == 4 && !strcmp(argv[1], "-r");
	struct buf in = { 0 }, out = { 0 };
	struct diag d = { .off = DIAG_NO_OFF };
	FILE *f;
	int err;

	if (argc != 3 + back) {
		fprintf(stderr, "usage: rawtext [-r] IN OUT\n");
		return 2;
	}
	if (read_file(argv[argc - 2], &in) < 0) {
		perror(argv[argc - 2]);
		return 1;
	}
	err = back ? rawtext_to_wire((const char *)in.p, in.len, &out, &d)
		   : rawtext_from_wire(in.p, in.len, &out, &d);
	if (err < 0)
		fprintf(stderr, "%s: %s\n", argv[argc - 2], d.text);
	f = fopen(argv[argc - 1], "wb");
	if (!f || fwrite(out.p, 1, out.len, f) != out.len || fclose(f)) {
		perror(argv[argc - 1]);
		return 1;
	}
	buf_done(&in);
	buf_done(&out);
	return err < 0;
}
