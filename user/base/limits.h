/* limits.h - every cap on what foreign bytes may make us do, in one place. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
	/* Binaries (user/image). */
	LIMIT_IMAGE_BYTES = 2047 * 1024 * 1024, /* loaded bytes of one binary */
	LIMIT_PHDRS = 256,
	LIMIT_SHDRS = 64 * 1024,
	LIMIT_NOTE_BYTES = 64 * 1024,
	LIMIT_RUNTIME_NAMES = 64 * 1024,   /* functions of the runtime that are indexed by name */
	LIMIT_INLINE_STEPS = 64 * 1024,	   /* of one function's inline tree */
	LIMIT_PCVALUE_STEPS = 1024 * 1024, /* steps through pc-value tables for one symbolisation */
	LIMIT_FUNCS = 4 * 1024 * 1024,	   /* functions of one pclntab; a 1 GB binary has ~1.5 million */
	LIMIT_INLINE_DEPTH = 128,	   /* logical frames of one pc */
	LIMIT_NAME_LEN = 64 * 1024,	   /* a function or file name; generics can be long */
	LIMIT_NAME_PRINT = 2048,	   /* a name whose type arguments are cut out */
	LIMIT_FUNC_BYTES = 1024 * 1024,	   /* code bytes of one function that we decode */
	LIMIT_BUILDINFO_LEN = 16 * 1024 * 1024,
	LIMIT_SITES = 4096,		   /* probe sites of one hook */
	LIMIT_REASONS = 128,		   /* entries of one of the runtime's string tables */

	/* Processes (user/proc, user/capture). */
	LIMIT_GS = 16 * 1024 * 1024,	   /* goroutine structures of one process */
	LIMIT_PS = 4096,		   /* GOMAXPROCS; more than any real machine has processors */
	LIMIT_MS = 256 * 1024,		   /* threads */
	LIMIT_MAPS = 256 * 1024,	   /* file-backed or executable mappings of one process */

	/* Traces (user/trace); the first three are the format's own. */
	LIMIT_BATCH = 64 * 1024,	   /* Go internal/trace/tracev2: MaxBatchSize */
	LIMIT_STRING = 1024,		   /* tracev2: MaxEventTrailerDataSize */
	LIMIT_FRAMES = 128,		   /* tracev2: MaxFramesPerStack */
	LIMIT_GEN_BYTES = 1024 * 1024 * 1024, /* one generation that a reader will buffer */

	/* Reports (user/report): what is beyond is summed up as "(other)". */
	LIMIT_REPORT_BYTES = 48 * 1024 * 1024, /* of names and stacks */
	LIMIT_REPORT_ROWS = 64 * 1024,	       /* of one table of results */
	LIMIT_REPORT_SPANS = 128 * 1024,       /* of one goroutine's life */
	LIMIT_REPORT_DAYS = 13,		       /* from a trace's first event: 2^50 ns */
	LIMIT_REPORT_TOP = 10000,	       /* rows that --top and --slowest can ask for */
};

#endif
