/*
 * fuzz_model.c - any records, in any order of kinds, make a trace that the order rules accept.
 *
 * The first bytes choose format, version and the size of generations, the rest the records
 * (unit/model/dice.h): so every input is a stream that keeps record.h's invariants.
 */
#include "unit/model/dice.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dice dice = { .p = p, .left = n };
	struct buf recs = { 0 }, trace = { 0 };
	struct lab_opts o;
	struct diag d = { 0 };
	int err;

	if (!p || !n)
		return 0;
	o = dice_opts(&dice);
	dice_stream(&dice, &recs, 2000);
	err = lab_run(&o, &recs, &trace, NULL);
	if (!err && trace.len > 16)
		err = lab_judge(&trace, NULL, &d);
	if (err) {
		fprintf(stderr, "error %d: %s\n", err, d.text);
		abort();
	}
	buf_done(&recs);
	buf_done(&trace);
	return 0;
}
