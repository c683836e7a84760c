package main

/*
#include <unistd.h>
#include <pthread.h>
extern void goCallback(int);
static void *thr(void *a) { for (int i = 0; i < 20; i++) goCallback(i); return 0; }
static void work(void) { pthread_t t[4]; for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, thr, 0);
 for (int i = 0; i < 4; i++) pthread_join(t[i], 0); goCallback(99); usleep(30000); }
*/
import "C"
import "time"

//export goCallback
func goCallback(i C.int) { time.Sleep(time.Microsecond) }

func cgowork() {
	for i := 0; i < 30; i++ {
		C.work()
	}
}
