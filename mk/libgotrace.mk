# libgotrace: the reader as a library of its own. `make lib` builds, `make install-lib` installs.
LIBGOTRACE_SO := libgotrace.so.0
LIBGOTRACE_SRCS := $(addprefix user/base/,diag.c buf.c arena.c) $(addprefix user/trace/,evspec.c idtab.c \
	source.c cursor.c gen.c gentab.c orderstate.c order.c ordernote.c plain.c frontier.c ahead.c reader.c gotrace.c)
LIBGOTRACE_OBJS := $(LIBGOTRACE_SRCS:%.c=$(OUT)/pic/%.o)

# Only what gotrace.h declares is seen from outside; also in the archive, where the hidden names are
# bound before it is made.
$(OUT)/pic/%.o: %.c
	$(call msg,CC,$< (pic))
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(OUT)/libgotrace.o: $(LIBGOTRACE_OBJS)
	$(call msg,LD,$@)
	$(Q)$(LD) -r -o $@.all $^ && objcopy --localize-hidden $@.all $@ && rm -f $@.all

$(OUT)/libgotrace.a: $(OUT)/libgotrace.o
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(OUT)/$(LIBGOTRACE_SO): $(OUT)/libgotrace.o
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(LIBGOTRACE_SO) -Wl,-z,defs -o $@ $^ -lz -pthread
	$(Q)ln -sf $(LIBGOTRACE_SO) $(OUT)/libgotrace.so

$(OUT)/gotrace.pc: mk/libgotrace.mk
	$(Q)mkdir -p $(@D) && printf '%s\n' 'prefix=$(prefix)' 'libdir=$${prefix}/lib' \
		'includedir=$${prefix}/include' '' 'Name: gotrace' \
		'Description: read Go execution traces' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -lgotrace' 'Libs.private: -lz -pthread' \
		'Cflags: -I$${includedir}' >$@

lib: $(OUT)/libgotrace.a $(OUT)/$(LIBGOTRACE_SO) $(OUT)/gotrace.pc

install-lib: lib
	install -d $(DESTDIR)$(prefix)/lib/pkgconfig $(DESTDIR)$(prefix)/include \
		$(DESTDIR)$(prefix)/share/man/man3
	install -m 644 include/gotrace.h $(DESTDIR)$(prefix)/include/
	install -m 644 $(OUT)/libgotrace.a $(DESTDIR)$(prefix)/lib/
	install -m 755 $(OUT)/$(LIBGOTRACE_SO) $(DESTDIR)$(prefix)/lib/
	ln -sf $(LIBGOTRACE_SO) $(DESTDIR)$(prefix)/lib/libgotrace.so
	install -m 644 $(OUT)/gotrace.pc $(DESTDIR)$(prefix)/lib/pkgconfig/
	install -m 644 docs/libgotrace.3 $(DESTDIR)$(prefix)/share/man/man3/

-include $(LIBGOTRACE_OBJS:.o=.d)
.PHONY: lib install-lib
