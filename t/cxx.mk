# How the Makefiles under t/ compile C++, and know when to do it again: a Makefile sets CXXFLAGS and
# programs, the names of what it makes in OUT, and includes this. Each is run from the top folder,
# with OUT and CXX, and FLAGS (the module's own) where the library is a part of it.

SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
WARNINGS = -Wall -Wextra -Werror
CHECKED = $(FLAGS) -g $(WARNINGS) -fno-omit-frame-pointer $(SANITIZE)

objects = $(patsubst %.cpp,$(OUT)/%.o,$(sort $(1)))
library_sources := $(wildcard ngx_ws_filter/*/*.cpp)
library := $(OUT)/libngx_ws_filter.a

all: $(programs:%=$(OUT)/%)

# Rebuilt as a whole: an archive would keep the object of a file that is gone.
$(library): $(call objects,$(library_sources))
	rm -f $@ && $(AR) rcs $@ $^

$(OUT)/%.o: %.cpp $(OUT)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -I. -MMD -MP -MT $@ -c -o $@ $<

# Changes only when the compiler or its flags do.
$(OUT)/flags: force
	@mkdir -p $(@D)
	@echo '$(CXX) $(CXXFLAGS)' | cmp -s - $@ || echo '$(CXX) $(CXXFLAGS)' > $@

.PHONY: all force
.SECONDARY:

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
