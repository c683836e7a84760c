//go:build go1.23

package main

import "iter"

func coro(n int) {
	for i := 0; i < n; i++ {
		next, stop := iter.Pull(func(yield func(int) bool) {
			for k := 0; k < 5; k++ {
				if !yield(k) {
					return
				}
			}
		})
		next()
		next()
		if i%2 == 0 {
			stop()
		} else {
			for _, ok := next(); ok; _, ok = next() {
			}
		}
	}
}
