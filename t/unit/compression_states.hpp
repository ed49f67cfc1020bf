// Inflaters and deflaters with memory of exactly the size they ask for, so that the address
// sanitizer sees what zlib does beyond it.
#pragma once

#include "t/unit/unit.hpp"

#include <cstdlib>

#include "ngx_ws_filter/ws_compression/deflate.hpp"

namespace unit {

class Memory {
public:
    explicit Memory(std::size_t size)
        : bytes_{static_cast<std::uint8_t *>(std::malloc(size)), size} {
        check(bytes_.data() != nullptr);
    }
    ~Memory() { std::free(bytes_.data()); }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;

    [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::span<std::uint8_t> first(std::size_t size) const {
        return bytes_.first(size);
    }

private:
    std::span<std::uint8_t> bytes_;
};

class OwnInflater : public ws::Inflater {
public:
    explicit OwnInflater(unsigned bits = 15) : memory_(memory_size(bits)) {
        check(begin(memory_.bytes(), bits));
    }

private:
    Memory memory_;
};

class OwnDeflater : public ws::Deflater {
public:
    explicit OwnDeflater(const ws::DeflateSettings &settings = {})
        : memory_(memory_size(settings.bits, settings.memory_level)) {
        check(begin(memory_.bytes(), settings));
    }

private:
    Memory memory_;
};

}  // namespace unit
