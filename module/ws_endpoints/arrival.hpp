// How far the bytes that were written to a connection have come, as the kernel tells it.
#pragma once

#include "module/ngx.hpp"

#include "ngx_ws_filter/ws_relay/record_map.hpp"

#include <optional>

namespace ngx_ws {

// What was once told stays known: a question that the kernel does not answer acknowledges nothing.
class Arrival {
public:
    void open(ngx_connection_t *destination) noexcept { destination_ = destination; }

    [[nodiscard]] ngx_connection_t *destination() const noexcept { return destination_; }
    // So many bytes had arrived when another process had the connection.
    void go_on(uint64_t arrived) noexcept { data_ = wire_ = arrived; }

    // Asks the kernel, when `written` bytes of the stream have been written. The second asks for
    // more than the window needs, where that takes more: TCP tells exactly what its peer has
    // acknowledged, and a unix socket only how many buffers its peer has not emptied.
    // The first returns whether there was an answer.
    bool ask(uint64_t written) noexcept;
    void ask_exactly(uint64_t written) noexcept;

    // Over TLS, behind each write: its record ends here.
    void end_record(uint64_t written) noexcept;
    // Our FIN was sent.
    void fin_sent() noexcept { fin_sent_ = true; }
    // The connection is lost or was aborted, and its kernel may have forgotten what it knew.
    void lose(uint64_t written) noexcept;
    void forget() noexcept { silent_ = true; }

    // Bytes of the stream that are known to have arrived; over TLS in whole records.
    [[nodiscard]] uint64_t data() const noexcept { return data_; }
    // How much of whatever is on the wire has arrived: for a caller that asks whether anything
    // moves at all.
    [[nodiscard]] uint64_t wire() const noexcept { return wire_; }
    // No more than data() had arrived when it was last asked for.
    [[nodiscard]] bool exact() const noexcept;
    // Bytes to write at a time, so that a slow reader is seen to read.
    [[nodiscard]] size_t piece(size_t size) noexcept;

private:
    [[nodiscard]] std::optional<uint64_t> pending(bool exactly) noexcept;
    [[nodiscard]] bool is_local() noexcept;
    bool ask(uint64_t written, bool exactly) noexcept;

    ngx_connection_t *destination_ = nullptr;
    ws::RecordMap *records_ = nullptr;  // of TLS; null before the first, or without memory
    uint64_t data_ = 0;
    uint64_t wire_ = 0;
    enum class Kind : uint8_t { unknown, network, local } kind_ = Kind::unknown;
    bool exact_ = true;
    bool silent_ = false;  // nothing more will be told
    bool fin_sent_ = false;
};

}  // namespace ngx_ws
