#include "ngx_ws_filter/ws_status/entry.hpp"

#include <algorithm>
#include <cstring>

namespace ws {
namespace {

constexpr std::string_view text_names[] = {"zone", "client", "location", "upstream", "subprotocol"};

constexpr std::size_t word = sizeof(std::uint64_t);

}  // namespace

void Entry::set_texts(const Listed &session) noexcept {
    std::array<char, EntryCopy::texts_size> texts{};
    std::size_t used = 0;
    std::uint64_t all_sizes = 0;
    unsigned shift = 0;
    for (const std::string_view text :
         {session.zone, session.client, session.location, session.upstream, session.subprotocol}) {
        const std::size_t size = std::min({text.size(), Listed::max_text, texts.size() - used});
        std::copy_n(text.begin(), size, texts.begin() + used);
        used += size;
        all_sizes |= static_cast<std::uint64_t>(size) << shift;
        shift += 8;
    }
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, texts.data() + i * word, word);
        texts_[i].set(bytes);
    }
    set(detail::sizes, all_sizes);
}

void Entry::open(const Listed &session) noexcept {
    for (Counter &value : values_) {
        value.set(0);
    }
    set_texts(session);
    set(detail::begun_at, session.begun_at);
    set(detail::worker, session.worker);
    number_.store(session.number, std::memory_order_release);
}

void Entry::update(const Facts &facts) noexcept {
    set(detail::phase, static_cast<std::uint64_t>(facts.phase));
    set(detail::stalls, (facts.client_stalls ? 1U : 0U) | (facts.backend_stalls ? 2U : 0U));
    set(detail::bytes_in, facts.bytes_in);
    set(detail::bytes_out, facts.bytes_out);
    set(detail::frames_in, facts.frames_in);
    set(detail::frames_out, facts.frames_out);
    set(detail::stall_client, facts.stalled_by_client);
    set(detail::stall_backend, facts.stalled_by_backend);
    set(detail::rtt, facts.round_trip);
}

void Entry::set_unacknowledged(std::uint64_t by_client, std::uint64_t by_backend,
                               std::uint64_t now) noexcept {
    set(detail::unacknowledged_client, by_client);
    set(detail::unacknowledged_backend, by_backend);
    set(detail::asked_at, now);
}

// What the next session writes stands behind it.
void Entry::close() noexcept {
    number_.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
}

bool Entry::read(std::uint64_t number, EntryCopy &copy) const noexcept {
    if (this->number() != number) {
        return false;
    }
    copy.number_ = number;
    for (std::size_t i = 0; i < values_.size(); ++i) {
        copy.values_[i] = values_[i].get();
    }
    for (std::size_t i = 0; i < texts_.size(); ++i) {
        const std::uint64_t bytes = texts_[i].get();
        std::memcpy(copy.texts_.data() + i * word, &bytes, word);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    return number_.load(std::memory_order_relaxed) == number;
}

// What was asked some time ago and was not nothing is different by now.
void EntryCopy::write_unacknowledged(std::string_view side, std::uint64_t bytes, std::uint64_t now,
                                     Text &to) const noexcept {
    constexpr std::uint64_t lasts = 3000;
    const std::uint64_t at = values_[detail::asked_at];
    const bool known = at != 0 && (bytes == 0 || now <= at + lasts);
    to.put(",\"unacknowledged_").put(side).put("\":");
    (void)(known ? to.put(bytes) : to.put("null"));
}

// The second text.
std::string_view EntryCopy::client() const noexcept {
    const std::uint64_t sizes = values_[detail::sizes];
    return {texts_.data() + (sizes & 0xffU), sizes >> 8U & 0xffU};
}

void EntryCopy::write_json(std::uint64_t now, Text &to) const noexcept {
    using namespace detail;
    to.put("{\"number\":").put(number_);
    std::string_view rest{texts_.data(), texts_.size()};
    for (std::size_t i = 0; i < std::size(text_names); ++i) {
        const std::size_t size = values_[sizes] >> (8 * i) & 0xffU;
        to.put(",\"").put(text_names[i]).put("\":").put_quoted({rest.data(), size});
        rest.remove_prefix(size);
    }
    to.put(",\"worker\":").put(values_[worker]);
    to.put(",\"age\":").put_seconds(now - std::min(now, values_[begun_at]));
    to.put(",\"phase\":").put_quoted(name(static_cast<Phase>(values_[phase])));
    to.put(",\"bytes_in\":").put(values_[bytes_in]);
    to.put(",\"bytes_out\":").put(values_[bytes_out]);
    to.put(",\"frames_in\":").put(values_[frames_in]);
    to.put(",\"frames_out\":").put(values_[frames_out]);
    write_unacknowledged("client", values_[unacknowledged_client], now, to);
    write_unacknowledged("backend", values_[unacknowledged_backend], now, to);
    to.put(",\"stall_client\":").put_seconds(values_[stall_client]);
    to.put(",\"stall_backend\":").put_seconds(values_[stall_backend]);
    to.put(",\"client_stalls\":").put((values_[stalls] & 1U) != 0 ? "true" : "false");
    to.put(",\"backend_stalls\":").put((values_[stalls] & 2U) != 0 ? "true" : "false");
    to.put(",\"rtt\":");
    (void)(values_[rtt] == 0 ? to.put("null") : to.put_seconds(values_[rtt]));
    to.put("}");
}

}  // namespace ws
