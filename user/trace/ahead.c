#include "trace/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ahead {
	struct source *src; /* borrowed */
	unsigned version;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	unsigned next;	 /* the slot to load, or that was loaded */
	bool full, stop; /* slot next is loaded; the thread should end */
	int rc;		 /* of loading it */
	/* The thread's while it is not full. */
	struct gen slots[2];
	struct diag why;
};

static void *ahead_run(void *arg)
{
	struct ahead *a = arg;
	bool first = true;
	int rc = 1;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && rc > 0) {
		struct gen *g = &a->slots[a->next];

		pthread_mutex_unlock(&a->lock);
		rc = gen_load(g, a->src, a->version, first, &a->why);
		/* What follows damage is not looked at: the reader ends there. */
		first = false;
		pthread_mutex_lock(&a->lock);
		a->rc = rc;
		a->full = true;
		pthread_cond_signal(&a->changed);
		while (rc > 0 && a->full && !a->stop)
			pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int ahead_new(struct source *s, unsigned version, struct ahead **ret_a, struct diag *d)
{
	struct ahead *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return diag_set(d, -ENOMEM, "no memory");
	a->src = s;
	a->version = version;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	err = pthread_create(&a->thread, NULL, ahead_run, a);
	if (err) {
		free(a);
		return diag_set(d, -err, "cannot start a thread: %s", strerror(err));
	}
	*ret_a = a;
	return 0;
}

int ahead_get(struct ahead *a, struct gen **ret_g, struct diag *d)
{
	int rc;

	pthread_mutex_lock(&a->lock);
	while (!a->full)
		pthread_cond_wait(&a->changed, &a->lock);
	rc = a->rc;
	if (rc > 0) {
		*ret_g = &a->slots[a->next];
		a->next ^= 1;
		a->full = false;
		pthread_cond_signal(&a->changed);
	} else if (rc < 0) {
		*d = a->why; /* the thread has ended */
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

void ahead_free(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	gen_done(&a->slots[0]);
	gen_done(&a->slots[1]);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	free(a);
}
