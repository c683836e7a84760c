#include "cmd/join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/reasons.h"
#include "trace/genwriter.h"

unsigned join_auto_format(unsigned go_minor)
{
	if (go_minor <= 22)
		return 22;
	return go_minor <= 24 ? 23 : 25;
}

static int on_generation(void *ctx, const struct model_gen *gen)
{
	struct join *j = ctx;

	if (gen->len > j->gen_bytes_max)
		j->gen_bytes_max = gen->len;
	if (!j->out)
		return j->sink(j->ctx, gen);
	if (gen->gen == 1) {
		uint8_t header[16];
		int err;

		genwriter_header(j->meta.format, header);
		err = output_write(j->out, header, sizeof(header), &j->diag);
		if (err < 0)
			return err;
	}
	return output_write(j->out, gen->bytes, gen->len, &j->diag);
}

/* A live image as a source of symbols: it knows link-time addresses, the trace the process's. */
static size_t live_frames(void *ctx, uint64_t pc, struct symbol *ret, size_t cap)
{
	const struct join *j = ctx;
	struct image_frame f[SYMBOLS_DEPTH];
	size_t n = image_symbolize(j->img, pc - j->bias, f, cap < SYMBOLS_DEPTH ? cap : SYMBOLS_DEPTH);

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct symbol){ .pc = f[i].pc + j->bias, .func = f[i].func,
					  .file = f[i].file, .line = f[i].line,
					  .wrapper = f[i].wrapper };
	return n;
}

static uint64_t live_start_pc(void *ctx, uint64_t startpc)
{
	const struct join *j = ctx;

	return image_start_pc(j->img, startpc - j->bias) + j->bias;
}

static struct model_texts texts_of(const struct raw_texts *t)
{
	return (struct model_texts){ .v = (const char *const *)t->v, .cnt = t->cnt };
}

static int join_model(struct join *j, struct diag *d)
{
	const struct raw_meta *m = &j->meta;
	struct model_opts o = {
		.format = m->format,
		.go_minor = m->go_minor,
		.goal_word = m->goal_word,
		.gen_ns = m->gen_ns,
		.gen_bytes = m->gen_bytes,
		.wait_reasons = texts_of(&m->wait_reasons),
		.block_reasons = texts_of(&m->block_reasons),
		.stw_reasons = texts_of(&m->stw_reasons),
		.symbols = j->symbols,
		.unblock_pc = m->unblock_pc,
		.gen_done = on_generation,
		.ctx = j,
	};
	int err = model_new(&o, &j->model);

	if (err == -EINVAL)
		return diag_set(d, err, "no trace format 1.%u", m->format);
	return err < 0 ? diag_set(d, err, "no memory for the model") : 0;
}

/* The target's own tables, or the version's texts where its linker dropped them. */
static int live_texts(struct raw_meta *m, const struct image *img)
{
	const struct goversion *v = &image_get_info(img)->version;
	const char *const *t;
	size_t n;
	int err;

	if (image_table_get(img, TABLE_WAIT_REASONS, &t, &n) < 0)
		n = 0;
	err = raw_texts_copy(&m->wait_reasons, t, n);
	if (image_table_get(img, TABLE_BLOCK_REASONS, &t, &n) < 0)
		t = reasons_block(v->minor, v->patch, &n);
	if (!err)
		err = raw_texts_copy(&m->block_reasons, t, n);
	if (image_table_get(img, TABLE_STW_REASONS, &t, &n) < 0)
		t = reasons_stw(&n);
	if (!err)
		err = raw_texts_copy(&m->stw_reasons, t, n);
	return err;
}

int join_live(struct join *j, const struct capture *c, const struct join_opts *o, struct diag *d)
{
	const struct image *img = capture_image(c);
	const struct image_info *info = image_get_info(img);
	struct symbols_source source = { .frames = live_frames, .start_pc = live_start_pc,
					 .ctx = j };
	struct image_func f;

	*j = (struct join){ .out = o->out, .sink = o->sink, .ctx = o->ctx, .img = img,
			    .bias = capture_bias(c) };
	j->meta.go_minor = info->version.minor;
	j->meta.format = o->format ? o->format : join_auto_format(info->version.minor);
	j->meta.goal_word = capture_layout(c)->gcc_gcPercentHeapGoal / 8;
	j->meta.gen_ns = o->gen_ns ? o->gen_ns : JOIN_GEN_MS * 1000000ULL;
	j->meta.gen_bytes = o->gen_bytes ? o->gen_bytes : JOIN_GEN_BYTES;
	snprintf(j->meta.version, sizeof(j->meta.version), "%s", info->version.text);
	snprintf(j->meta.name, sizeof(j->meta.name), "%s", capture_target(c)->comm);
	/*
	 * Stands for wake-ups that no goroutine made, the poller's and timers': up to 1.25 the
	 * profiles of go tool trace end a sample only at a transition that carries a stack.
	 */
	if (image_func_find(img, "runtime.findRunnable", &f) == 0 ||
	    image_func_find(img, "runtime.findrunnable", &f) == 0)
		j->meta.unblock_pc = f.entry_va + j->bias;
	j->symbols = symbols_new(&source, o->keep_symbols);
	if (!j->symbols || live_texts(&j->meta, img) < 0) {
		join_done(j);
		return diag_set(d, -ENOMEM, "no memory");
	}
	return join_model(j, d);
}

static int copy_texts(struct raw_texts *to, const struct raw_texts *from)
{
	return raw_texts_copy(to, (const char *const *)from->v, from->cnt);
}

int join_replay(struct join *j, const struct rawfile *f, unsigned format, struct output *out,
		struct diag *d)
{
	const struct raw_meta *m = rawfile_meta(f);
	struct span syms = rawfile_symbols(f);
	int err;

	*j = (struct join){ .out = out };
	j->meta = *m;
	j->meta.wait_reasons = j->meta.block_reasons = j->meta.stw_reasons =
		(struct raw_texts){ 0 };
	if (format)
		j->meta.format = format;
	j->symbols = symbols_new(NULL, true);
	if (!j->symbols || copy_texts(&j->meta.wait_reasons, &m->wait_reasons) < 0 ||
	    copy_texts(&j->meta.block_reasons, &m->block_reasons) < 0 ||
	    copy_texts(&j->meta.stw_reasons, &m->stw_reasons) < 0) {
		join_done(j);
		return diag_set(d, -ENOMEM, "no memory");
	}
	err = syms.left ? symbols_load(j->symbols, &syms, d) : 0;
	return err < 0 ? err : join_model(j, d);
}

int join_finish(struct join *j, struct diag *d)
{
	int err = model_finish(j->model);

	if (err) {
		*d = j->diag;
		return err;
	}
	if (model_get_stats(j->model)->events == 0)
		return diag_set(d, -ENODATA, "nothing was recorded: there is no trace to write");
	return 0;
}

void join_done(struct join *j)
{
	model_free(j->model);
	symbols_free(j->symbols);
	raw_meta_done(&j->meta);
	*j = (struct join){ 0 };
}
