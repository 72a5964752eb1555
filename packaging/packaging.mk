# SPDX-License-Identifier: MIT
# For find_package() of CMake. Directories are known to make only, which is
# where they are complete.
cmakedir = $(libdir)/cmake/shmipc
cmake_DATA = packaging/shmipcConfig.cmake packaging/shmipcConfigVersion.cmake
$(cmake_DATA): Makefile
packaging/shmipcConfig.cmake: packaging/shmipcConfig.cmake.in
packaging/shmipcConfigVersion.cmake: packaging/shmipcConfigVersion.cmake.in
$(cmake_DATA):
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's|@libdir[@]|$(libdir)|' -e 's|@includedir[@]|$(includedir)|' \
		-e 's|@LIBS[@]|$(LIBS)|' -e 's|@VERSION[@]|$(VERSION)|' \
		-e 's|@SIZEOF_VOID_P[@]|$(SIZEOF_VOID_P)|' \
		$(srcdir)/$@.in >$@
CLEANFILES += $(cmake_DATA)
EXTRA_DIST += $(cmake_DATA:=.in)

# So that rpmbuild -tb builds from the tarball.
EXTRA_DIST += packaging/libshmipc.spec packaging/check.sh
