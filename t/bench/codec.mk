# The library as nginx compiles it, and the benchmark of the codec. Run by `./build.sh bench codec`,
# from the top folder, with OUT, CXX and FLAGS (the module's own).

library_sources := $(sort $(wildcard ngx_ws_filter/*.cpp))
objects := $(library_sources:%.cpp=$(OUT)/%.o)

CXXFLAGS = $(FLAGS) -g -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2 -I. -MMD -MP

$(OUT)/codec: t/bench/codec.cpp $(objects)
	$(CXX) -std=c++20 -O2 -g -Wall -Wextra -Werror -I. -o $@ $^ -lbenchmark -lwslay -lcrypto -lz

$(OUT)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

-include $(objects:.o=.d)
