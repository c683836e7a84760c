#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a target chose (its name, its paths) must not reach a terminal as control sequences. */
static void diag_clean(struct diag *d)
{
	for (char *p = d->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int diag_set(struct diag *d, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	d->off = DIAG_NO_OFF;
	diag_clean(d);
	return err;
}

int diag_set_at(struct diag *d, uint64_t off, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	d->off = off;
	diag_clean(d);
	return err;
}

int diag_prefix(struct diag *d, int err, const char *fmt, ...)
{
	char old[sizeof(d->text)], head[128];
	va_list ap;

	if (!d)
		return err;
	memcpy(old, d->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	snprintf(d->text, sizeof(d->text), "%s: %.*s", head, (int)(sizeof(d->text) - sizeof(head) - 4),
		 old);
	diag_clean(d);
	return err;
}
