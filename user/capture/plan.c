#include "capture/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/hooks.h"

enum { SCHEDULE_SPAN = 32 }; /* bytes from schedule's nop to its call: jne, mov, call */

/* Turns sites into the plan's, all with one cookie. 0 or -ENOMEM. */
static int plan_add(struct plan *p, const struct site *v, size_t n, uint64_t cookie)
{
	struct plan_site *s;

	if (n == 0)
		return 0;
	s = reallocarray(p->sites, p->site_cnt + n, sizeof(*s));
	if (!s)
		return -ENOMEM;
	p->sites = s;
	for (size_t i = 0; i < n; i++)
		s[p->site_cnt++] = (struct plan_site){.site = v[i], .cookie = cookie};
	return 0;
}

/*
 * execute without its entry: the five-byte nop that schedule passes before it calls execute for a
 * goroutine that is not locked (its program skips locked ones), and every other call of execute.
 * The nop stands for the next call behind it in schedule, no matter how the code is laid out: that
 * call is the first at a higher address and only the nop's path reaches it. 1, 0 if this binary
 * has no such nop, or -ENOMEM.
 */
static int execute_sites(const struct image *img, struct plan *p)
{
	struct site_list calls = {0};
	size_t next = SIZE_MAX, had = p->site_cnt;
	struct site nop;
	int n;

	if (image_site_schedule_nop(img, &nop, NULL) < 0)
		return 0;
	n = image_site_calls(img, "runtime.execute", NULL, false, &calls, NULL);
	for (size_t i = 0; n > 0 && i < calls.cnt; i++)
		if (strcmp(calls.v[i].func, "runtime.schedule") == 0 && calls.v[i].va > nop.va &&
		    (next == SIZE_MAX || calls.v[i].va < calls.v[next].va))
			next = i;
	if (n > 0 && (next == SIZE_MAX || calls.v[next].va - nop.va > SCHEDULE_SPAN))
		n = 0;
	if (n > 0 && plan_add(p, &nop, 1, HOOK_EXECUTE | COOKIE_LOCKED_SKIP) < 0)
		n = -ENOMEM;
	for (size_t i = 0; n > 0 && i < calls.cnt; i++)
		if (i != next && plan_add(p, &calls.v[i], 1, HOOK_EXECUTE) < 0)
			n = -ENOMEM;
	site_list_done(&calls);
	if (n <= 0)
		p->site_cnt = had;
	return n < 0 ? -ENOMEM : n > 0;
}

/*
 * gopark's entry instead of park_m's: the goroutine, the reason and the stack are in registers there,
 * so that less is read. Behind it nothing can happen to the goroutine before park_m: the runtime's own
 * functions are not preempted (Go 1.26 runtime/preempt.go, isAsyncSafePoint). 1, or 0: a profile made
 * the compiler inline it, or its call of mcall is not found.
 */
static int gopark_site(const struct image *img, const char *gopark, struct plan *p,
		       struct site *ret)
{
	struct site_list calls = {0};
	int n = 0;

	if (image_inlined_into(img, gopark, NULL, 0) == 0 &&
	    image_site_entry(img, gopark, ret, NULL) == 0 && ret->kind == SITE_PUSH)
		n = image_site_calls(img, "runtime.mcall", gopark, false, &calls, NULL);
	if (n == 1)
		p->gopark_pc = calls.v[0].va + calls.v[0].len;
	site_list_done(&calls);
	return n == 1;
}

/*
 * On arm64 a function without a stack check begins with its frame: a call in it is an instruction
 * that kernels emulate, but x29 is the function's own there.
 */
static bool entry_is_before_frame(const struct image *img, const struct site *site)
{
	return image_get_info(img)->arch != IMAGE_ARM64 || site->kind != SITE_CALL;
}

/* The calls of a function whose entry has no site; the number found, or an error. */
static int calls_for_entry(const struct image *img, const struct hook_row *row,
			   const struct plan_opts *opts, struct plan *p)
{
	struct site_list list = {0};
	int n = image_site_calls(img, row->func, NULL, opts->nop5, &list, NULL);

	if (n > 0 && plan_add(p, list.v, list.cnt, row->hook | row->cookie | COOKIE_CALL) < 0)
		n = -ENOMEM;
	site_list_done(&list);
	return n;
}

/* The sites of one row; the number found, 0 with a sentence in d, or -ENOMEM. */
static int row_sites(const struct image *img, const struct hook_row *row, const struct plan_opts *opts,
		     struct plan *p, struct diag *d)
{
	struct site_list list = {0};
	struct site site;
	uint64_t cookie = row->hook | row->cookie;
	bool in_rbx;
	int n;

	switch (row->how) {
	case HOW_CALLS:
	case HOW_CALLS_IN:
		n = image_site_calls(img, row->func, row->how == HOW_CALLS_IN ? row->in : NULL,
				     opts->nop5, &list, d);
		if (n > 0 && plan_add(p, list.v, list.cnt, cookie) < 0)
			n = -ENOMEM;
		site_list_done(&list);
		return n;
	case HOW_SCHEDULE:
		n = opts->nop5 ? execute_sites(img, p) : 0;
		if (n)
			return n;
		n = image_site_entry(img, row->func, &site, d);
		break;
	case HOW_GOPARK:
		n = gopark_site(img, row->in, p, &site);
		if (!n)
			n = image_site_entry(img, row->func, &site, d);
		break;
	case HOW_ENTRY:
		n = image_site_entry(img, row->func, &site, d);
		if (n == -ENOTSUP || (n == 0 && !entry_is_before_frame(img, &site)))
			return calls_for_entry(img, row, opts, p);
		break;
	case HOW_BEHIND:
		n = image_site_after_call(img, row->func, row->in, opts->nop5, &site, &in_rbx, d);
		if (n == 0 && !in_rbx)
			cookie |= COOKIE_NEWG_RAX;
		break;
	case HOW_LAST_CALL:
		n = image_site_last_call(img, row->func, row->in, &site, d);
		break;
	default:
		n = -EINVAL;
	}
	if (n < 0)
		return n;
	return plan_add(p, &site, 1, cookie) < 0 ? -ENOMEM : 1;
}

/*
 * releasepNoTrace is called by releasep only, so its entry covers all: in place of releasep's. It
 * must be a function of its own everywhere. True if it took over.
 */
static bool copies_below(const struct image *img, const struct hook_row *row, struct plan *p,
			 struct plan_hook *h)
{
	const struct hook_substitute *s = &hook_below;
	struct site site;

	if (strcmp(row->func, s->func) != 0 || h->site_cnt != 1 ||
	    image_inlined_into(img, s->holder, NULL, 0) > 0 ||
	    image_site_entry(img, s->holder, &site, NULL) < 0)
		return false;
	p->sites[h->site_first].site = site;
	h->how = "entry of the function below, for all its copies";
	h->copy_cnt = 0;
	return true;
}

/*
 * Inlined copies of the row's function: those with a substitute get it, the others are kept for the
 * report. 0 or -ENOMEM.
 */
static int row_copies(const struct image *img, const struct hook_row *row, struct plan *p,
		      struct plan_hook *h)
{
	size_t kept = 0;

	/* Calls in one function only: other rows are for the other callers, and for their copies. */
	if (row->how == HOW_CALLS_IN && h->site_cnt)
		return 0;
	if (row->how != HOW_ENTRY && row->how != HOW_CALLS && row->how != HOW_CALLS_IN)
		return 0;
	h->copy_cnt = image_inlined_into(img, row->func, h->copies, PLAN_COPIES);
	if (h->copy_cnt > PLAN_COPIES)
		h->copy_cnt = PLAN_COPIES;
	if (h->copy_cnt && copies_below(img, row, p, h))
		return 0;
	for (size_t i = 0; i < h->copy_cnt; i++) {
		const struct hook_substitute *s = hook_substitute(row->func, h->copies[i]);
		struct site site;

		if (row->how == HOW_CALLS_IN && strcmp(row->in, h->copies[i]) != 0)
			continue;
		if (!s || image_site_entry(img, s->holder, &site, NULL) < 0)
			h->copies[kept++] = h->copies[i];
		else if (plan_add(p, &site, 1, row->hook | s->cookie) < 0)
			return -ENOMEM;
		else
			h->how = "entry of what holds a copy";
	}
	h->copy_cnt = kept;
	h->site_cnt = p->site_cnt - h->site_first;
	return 0;
}

static int row_resolve(const struct image *img, const struct hook_row *row, const struct plan_opts *opts,
		       struct plan *p, struct diag *d)
{
	struct plan_hook *h = &p->hooks[p->hook_cnt];
	struct image_func f;
	struct diag why = {0};
	int n;

	*h = (struct plan_hook){.hook = row->hook,
				.required = row->required,
				.func = row->func,
				.event = row->event,
				.site_first = p->site_cnt,
				.how = hook_how_name(row->how)};
	p->hook_cnt++;
	n = row_sites(img, row, opts, p, &why);
	if (n == -ENOMEM)
		return diag_set(d, n, "no memory for probe sites");
	h->site_cnt = p->site_cnt - h->site_first;
	if (row->how == HOW_GOPARK && p->gopark_pc)
		h->func = row->in;
	if (row->how == HOW_SCHEDULE && h->site_cnt > 1)
		h->how = "nop in schedule, calls";
	if (row->how == HOW_ENTRY && h->site_cnt &&
	    (p->sites[h->site_first].cookie & COOKIE_CALL))
		h->how = "calls";
	if (row_copies(img, row, p, h) < 0)
		return diag_set(d, -ENOMEM, "no memory for probe sites");
	if (h->site_cnt > 0)
		return 0;
	h->state = image_func_find(img, row->func, &f) == 0 &&
				   (!row->in || image_func_find(img, row->in, &f) == 0)
			   ? PLAN_MISSING
			   : PLAN_ABSENT;
	snprintf(h->why, sizeof(h->why), "%.*s", (int)sizeof(h->why) - 1,
		 why.text[0] ? why.text : "not in this binary");
	if (row->required)
		return diag_set(d, -ENOTSUP, "hook %s: no probe site in %s: %s",
				plan_hook_name(row->hook), row->func, h->why);
	return 0;
}

/* The entry of a function that the user chose. 0, -ENOENT with a sentence, -ENOMEM. */
static int plan_call(struct plan *p, const struct image *img, const char *func, size_t number,
		     struct diag *d)
{
	struct plan_hook *h = &p->hooks[p->hook_cnt++];
	struct image_func f;
	struct site site;
	struct diag why = {0};

	*h = (struct plan_hook){.hook = HOOK_CALL,
				.required = true,
				.func = func,
				.event = "dump",
				.how = "entry",
				.site_first = p->site_cnt};
	h->copy_cnt = image_inlined_into(img, func, h->copies, PLAN_COPIES);
	if (image_func_find(img, func, &f) < 0)
		return diag_set(d, -ENOENT, "call:%s: the binary has no such function%s", func,
				h->copy_cnt ? " but for inlined copies; name one that calls it"
					    : "; names are as in a stack trace, main.(*T).handle");
	if (image_site_entry(img, func, &site, &why) < 0)
		return diag_set(d, -ENOENT, "call:%s: cannot be probed at its entry: %s", func,
				why.text);
	if (plan_add(p, &site, 1, HOOK_CALL | number << COOKIE_CALL_SHIFT) < 0)
		return diag_set(d, -ENOMEM, "no memory for the plan");
	h->site_cnt = 1;
	return 0;
}

static bool row_wanted(const struct hook_row *row, const struct plan_opts *opts)
{
	if (!plan_has(row->hook, opts->plan))
		return false;
	switch (row->syscall) {
	case SYS_UPROBE:
		return opts->syscalls == SYSCALLS_UPROBE || opts->syscalls == SYSCALLS_AUTO;
	case SYS_TP:
		return opts->syscalls == SYSCALLS_TRACEPOINT;
	case SYS_ANY:
		return opts->syscalls != SYSCALLS_OFF;
	default:
		return true;
	}
}

int plan_make(const struct image *img, const struct plan_opts *opts, struct plan *ret,
	      struct diag *d)
{
	unsigned minor = image_get_info(img)->version.minor;
	struct diag first = {0};
	int err = 0;

	*ret = (struct plan){0};
	ret->hooks = calloc(hook_row_cnt + opts->call_cnt, sizeof(*ret->hooks));
	if (!ret->hooks)
		return diag_set(d, -ENOMEM, "no memory for the plan");
	for (size_t i = 0; i < hook_row_cnt; i++) {
		const struct hook_row *row = &hook_rows[i];
		int e;

		if (minor < row->from || minor > row->to || !row_wanted(row, opts))
			continue;
		e = row_resolve(img, row, opts, ret, err ? NULL : &first);
		if (e == -ENOMEM) {
			plan_done(ret);
			return diag_set(d, e, "no memory for probe sites");
		}
		if (e < 0 && err == 0)
			err = e;
	}
	ret->creations = true;
	for (size_t i = 0; i < ret->hook_cnt; i++)
		if (ret->hooks[i].hook == HOOK_CREATE && ret->hooks[i].state == PLAN_MISSING)
			ret->creations = false;
	for (size_t i = 0; i < opts->call_cnt && !err; i++)
		err = plan_call(ret, img, opts->calls[i], i, &first);
	if (err < 0 && d)
		*d = first;
	return err;
}

void plan_done(struct plan *p)
{
	free(p->hooks);
	free(p->sites);
	*p = (struct plan){0};
}
