#include "cmd/check.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "capture/attach.h"
#include "capture/capture.h"
#include "cmd/options.h"
#include "image/image.h"
#include "proc/privilege.h"
#include "proc/target.h"

static void row(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void row(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%-12s ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void show_image(const struct image *img)
{
	const struct image_info *i = image_get_info(img);
	const struct golayout *l = image_get_layout(img);

	row("go", "%s (%s)", i->version.text,
	    i->has_buildinfo ? "build info" : "runtime.buildVersion, no build info");
	row("binary", "%s%s%s%s%s%s, %u functions", i->arch == IMAGE_AMD64 ? "amd64" : "arm64",
	    i->pie ? ", pie" : "", i->stripped ? ", stripped" : "", i->cgo ? ", cgo" : "",
	    i->race ? ", race" : "", i->pgo ? ", profile-guided" : "", i->func_cnt);
	row("build id", "%s", i->build_id[0] ? i->build_id : "none");
	if (l)
		row("layout", "1.%u.%u to 1.%u.%u, from real toolchains", l->minor, l->patch_first,
		    l->minor, l->patch_last);
	else
		row("layout", "none for this very version: its minor's must hold in the process");
}

static void show_hook(const struct plan *p, const struct plan_hook *h)
{
	static const char *const states[] = { "found", "MISSING", "not linked" };

	printf("  %-13s %-20s %-10s %-34s", plan_hook_name(h->hook), h->event, states[h->state],
	       h->func);
	if (h->state == PLAN_MISSING)
		printf(" %s", h->why);
	if (h->state == PLAN_FOUND)
		printf(" %s: %zu x %s", h->how, h->site_cnt,
		       site_kind_name(p->sites[h->site_first].site.kind));
	putchar('\n');
	for (size_t i = 0; i < h->copy_cnt; i++)
		printf("  %-13s inlined copy in %s is not seen; the model fills it in\n", "",
		       h->copies[i]);
}

static void show_plan(const struct plan *p)
{
	row("hooks", "%zu probe sites", p->site_cnt);
	for (size_t i = 0; i < p->hook_cnt; i++)
		show_hook(p, &p->hooks[i]);
}

/* 0 if nothing of the kernel's stands in the way. */
static int show_kernel(const struct target *t, struct diag *d)
{
	struct privilege pr;

	privilege_read(&pr);
	row("capabilities", "bpf %s, perfmon %s, sys_ptrace %s", pr.bpf_ok ? "yes" : "NO",
	    pr.perfmon_ok ? "yes" : "NO", pr.cap_sys_ptrace ? "yes" : "no");
	row("kernel", "BTF %s, lockdown %s", pr.has_btf ? "yes" : "NO",
	    pr.lockdown == LOCKDOWN_NONE ? "off" : "ON");
	return privilege_missing(&pr, t, d);
}

/* Loads and attaches, never arms, detaches: the one proof that it works. */
static int show_attach(struct capture *c, struct diag *d)
{
	int err = capture_try(c, d);

	row("attach", "%s", err ? d->text : "works (tried: attached and detached, not armed)");
	return err;
}

static int check_pid(int pid, struct diag *d)
{
	struct capture_opts o = { 0 };
	struct capture *c = NULL;
	struct diag why = { 0 };
	int err = capture_open(pid, &o, &c, d), e;

	if (!c)
		return err;
	row("process", "pid %d, %s", pid, capture_target(c)->exe);
	show_image(capture_image(c));
	if (capture_live(c)->gs)
		row("live", "%llu goroutines, %u Ps, %u running Ms agree with the layout",
		    (unsigned long long)capture_live(c)->gs, capture_live(c)->ps,
		    capture_live(c)->ms);
	if (capture_plan(c)->hook_cnt)
		show_plan(capture_plan(c));
	e = show_kernel(capture_target(c), &why);
	if (!err && !e)
		e = show_attach(c, &why);
	if (!err && e) {
		err = e;
		*d = why;
	}
	capture_free(c);
	return err;
}

static int check_binary(const char *path, struct diag *d)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char experiment[GOLAYOUT_EXPERIMENT];
	const struct image_info *info;
	struct plan_opts o = { 0 };
	struct image *img;
	struct plan plan;
	int err;

	if (fd < 0)
		return diag_set(d, -errno, "%s: cannot open: %s", path, strerror(errno));
	err = image_open(fd, path, &img, d);
	if (err < 0)
		return err;
	row("file", "%s", path);
	show_image(img);
	err = plan_make(img, &o, &plan, d);
	show_plan(&plan);
	plan_done(&plan);
	info = image_get_info(img);
	if (!err && info->library)
		err = diag_set(d, -ENOTSUP,
			       "%s: a library; only programs are recorded, not Go libraries that "
			       "others load",
			       path);
	if (!err && golayout_experiment(info->version.text, experiment))
		err = diag_set(d, -ENOTSUP, "%s: built with GOEXPERIMENT=%s, which moves fields",
			       path, experiment);
	if (!err && !golayout_candidate(info->arch, info->version.minor, info->version.patch))
		err = diag_set(d, -ENOTSUP, "%s: no layout for %s", path, info->version.text);
	image_free(img);
	return err;
}

int cmd_check(int argc, char **argv)
{
	static const struct option longs[] = { { "pid", required_argument, NULL, 'p' },
					       { NULL, 0, NULL, 0 } };
	struct diag d = { 0 };
	int c, pid = 0, err = 0;

	optind = 1;
	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, ":p:", longs, NULL)) != -1)
		err = c == 'p' ? options_pid(optarg, &pid, &d)
			       : diag_set(&d, -EINVAL,
					  "check: option '%s' is unknown or lacks its value; " CHECK_USAGE,
					  argv[optind - 1]);
	if (!err && (pid != 0) == (optind + 1 == argc))
		err = diag_set(&d, -EINVAL, CHECK_USAGE);
	if (err) {
		log_error("%s", d.text);
		return EXIT_USAGE;
	}
	err = pid ? check_pid(pid, &d) : check_binary(argv[optind], &d);
	fflush(stdout);
	if (err) {
		log_error("%s", d.text[0] ? d.text : strerror(-err));
		return EXIT_FAILED;
	}
	puts("a recording would work");
	return EXIT_FINE;
}
