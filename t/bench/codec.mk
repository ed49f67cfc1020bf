# The library as nginx compiles it, and the benchmark of the codec. Run by `./build.sh bench codec`.

programs := codec
CXXFLAGS = $(FLAGS) -g -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2

include t/cxx.mk

$(OUT)/t/bench/codec.o: private CXXFLAGS = -std=c++20 -O2 -g $(WARNINGS)

$(OUT)/codec: $(OUT)/t/bench/codec.o $(call objects,$(library_sources))
	$(CXX) -o $@ $^ -lbenchmark -lwslay -lcrypto -lz
