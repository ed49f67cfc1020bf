#include "module/ws_session/buffers.hpp"

#include "module/ws_settings/conf.hpp"
#include "module/ws_status/counting.hpp"

#include "ngx_ws_filter/ws_messages/session.hpp"

#include <sys/mman.h>

namespace ngx_ws {

namespace {

// So many buffers outlive a burst in each worker.
constexpr size_t max_spare = 16;

HeldBuffer *spare;
size_t spares;
size_t held;
ws::Scratch the_scratch;

size_t buffer_size() noexcept {
    return main_conf().buffer_size;
}

// Pongs for every ping of one read fit too: unmasked, each is shorter than what it answers.
size_t outgoing_size() noexcept {
    return ws::Session::headroom + buffer_size() + ws::Session::max_due_size;
}

// The memory is not from the cycle's pool, which a reload frees where there is no master process.
bool resize(std::span<uint8_t> &bytes, size_t size) noexcept {
    if (bytes.size() == size) {
        return true;
    }
    ngx_free(bytes.data());
    auto *memory = static_cast<uint8_t *>(ngx_alloc(size, ngx_cycle->log));
    bytes = memory == nullptr ? std::span<uint8_t>{} : std::span{memory, size};
    return memory != nullptr;
}

size_t mapped_size(const HeldBuffer &buffer) noexcept {
    return sizeof(HeldBuffer) + buffer.capacity;
}

// The size of a buffer that was not enlarged.
size_t usual_size() noexcept {
    return ngx_align(sizeof(HeldBuffer) + the_scratch.wrapped.size(), ngx_pagesize);
}

// Gives the system back what it was enlarged by.
void shrink(HeldBuffer &buffer) noexcept {
    const size_t size = usual_size();
    if (mapped_size(buffer) > size && mremap(&buffer, mapped_size(buffer), size, 0) == &buffer) {
        buffer.capacity = size - sizeof(HeldBuffer);
    }
}

HeldBuffer *take_spare() noexcept {
    HeldBuffer *buffer = spare;
    if (buffer != nullptr) {
        spare = buffer->next;
        --spares;
    }
    return buffer;
}

// Mapped and not allocated, so that what a burst took is really gone after it.
HeldBuffer *make_buffer() noexcept {
    const size_t size = usual_size();
    for (HeldBuffer *buffer = take_spare(); buffer != nullptr; buffer = take_spare()) {
        if (mapped_size(*buffer) == size) {
            return buffer;
        }
        (void)munmap(buffer, mapped_size(*buffer));
    }
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno, "mmap(%uz) failed", size);
        return nullptr;
    }
    return new (memory) HeldBuffer{nullptr, 0, 0, size - sizeof(HeldBuffer)};
}

}  // namespace

bool prepare_scratch() noexcept {
    return resize(the_scratch.received, buffer_size()) &&
           resize(the_scratch.wrapped, outgoing_size());
}

const ws::Scratch &scratch() noexcept {
    return the_scratch;
}

HeldBuffer *take_buffer() noexcept {
    HeldBuffer *buffer = make_buffer();
    if (buffer != nullptr) {
        count_held_buffers(++held);
    }
    return buffer;
}
HeldBuffer *enlarge(HeldBuffer *buffer) noexcept {
    const size_t size = mapped_size(*buffer);
    void *memory = mremap(buffer, size, 2 * size, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno, "mremap(%uz) failed", 2 * size);
        return nullptr;
    }
    auto *larger = static_cast<HeldBuffer *>(memory);
    larger->capacity += size;
    return larger;
}

void give_back(HeldBuffer *buffer) noexcept {
    count_held_buffers(--held);
    shrink(*buffer);
    if (spares == max_spare || mapped_size(*buffer) != usual_size()) {
        (void)munmap(buffer, mapped_size(*buffer));
        return;
    }
    buffer->begin = 0;
    buffer->end = 0;
    buffer->next = spare;
    spare = buffer;
    ++spares;
}

}  // namespace ngx_ws
