#include "module/ws_session/zlib_states.hpp"

#include <sys/mman.h>

namespace ngx_ws {

namespace {

// So many of each outlive a burst in each worker. Where no session keeps a state, one is enough.
constexpr size_t max_spare = 4;

struct Window {
    unsigned bits;

    bool operator==(const Window &) const noexcept = default;
    [[nodiscard]] size_t memory_size() const noexcept { return ws::Inflater::memory_size(bits); }
    [[nodiscard]] bool begin(ws::Inflater &state, std::span<uint8_t> memory) const noexcept {
        return state.begin(memory, bits);
    }
};

struct Settings : ws::DeflateSettings {
    [[nodiscard]] size_t memory_size() const noexcept {
        return ws::Deflater::memory_size(bits, memory_level);
    }
    [[nodiscard]] bool begin(ws::Deflater &state, std::span<uint8_t> memory) const noexcept {
        return state.begin(memory, *this);
    }
};

// Whole pages, with a state in front and its memory behind. Mapped and not allocated, so that what
// a burst took is really gone after it, and what is never touched never takes any.
template <typename State, typename Kind>
class States {
public:
    [[nodiscard]] static size_t size(const Kind &kind) noexcept {
        return ngx_align(sizeof(Slot) + kind.memory_size(), ngx_pagesize);
    }

    [[nodiscard]] State *take(const Kind &kind) noexcept {
        for (Slot **link = &spare_; *link != nullptr; link = &(*link)->next) {
            Slot *slot = *link;
            if (slot->kind == kind) {
                *link = slot->next;
                return slot;
            }
        }
        return map(kind);
    }

    // The newest is the first to be taken, and the oldest to be unmapped.
    void give_back(State *state) noexcept {
        auto *slot = static_cast<Slot *>(state);
        slot->next = spare_;
        spare_ = slot;
        size_t count = 1;
        while (slot->next != nullptr && count < max_spare) {
            slot = slot->next;
            ++count;
        }
        if (slot->next != nullptr) {
            unmap(slot->next);
            slot->next = nullptr;
        }
    }

private:
    struct alignas(std::max_align_t) Slot : State {
        Slot *next = nullptr;
        Kind kind;
    };

    [[nodiscard]] static State *map(const Kind &kind) noexcept {
        const size_t bytes = size(kind);
        void *memory =
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno, "mmap(%uz) failed", bytes);
            return nullptr;
        }
        auto *slot = new (memory) Slot;
        slot->kind = kind;
        if (!kind.begin(*slot, {reinterpret_cast<uint8_t *>(slot + 1), bytes - sizeof(Slot)})) {
            unmap(slot);
            return nullptr;
        }
        return slot;
    }

    static void unmap(Slot *slot) noexcept { (void)munmap(slot, size(slot->kind)); }

    Slot *spare_ = nullptr;
};

States<ws::Inflater, Window> inflaters;
States<ws::Deflater, Settings> deflaters;

}  // namespace

ws::Inflater *take_inflater(unsigned bits) noexcept {
    return inflaters.take({bits});
}

ws::Deflater *take_deflater(const ws::DeflateSettings &settings) noexcept {
    return deflaters.take({settings});
}

void give_back(ws::Inflater *inflater) noexcept {
    inflaters.give_back(inflater);
}

void give_back(ws::Deflater *deflater) noexcept {
    deflaters.give_back(deflater);
}

size_t inflater_size(unsigned bits) noexcept {
    return decltype(inflaters)::size({bits});
}

size_t deflater_size(const ws::DeflateSettings &settings) noexcept {
    return decltype(deflaters)::size({settings});
}

}  // namespace ngx_ws
