// Pongs that a client sends, asked for or not: the content is a list of steps.
#include "t/fuzz/fuzz.hpp"

#include <vector>

#include "ngx_ws_filter/ws_life/ping_marker.hpp"
#include "ngx_ws_filter/ws_life/ping_receipts.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

class Pings {
public:
    Pings() { receipts_.keep_in(memory_); }

    void step(Input &input) {
        const std::size_t number = input.take_byte();
        switch (input.take_byte() % 4) {
            case 0:
                offset_ += number * number;
                sent_.push_back(markers_.mark(offset_));
                offsets_.push_back(offset_);
                break;
            case 1:
                answer(input.take(number % 20));
                break;
            case 2:
                if (!sent_.empty()) {
                    ws::PingMarkers::Payload payload = sent_[number % sent_.size()];
                    const std::size_t at = input.take_byte() % payload.size();
                    payload[at] = static_cast<std::uint8_t>(payload[at] ^ input.take_byte());
                    answer(payload);
                }
                break;
            default:
                receive(input.take(number % 126), input.take_byte());
        }
    }

private:
    // A pong is believed if it answers a ping of ours, and then for what that ping said.
    void answer(fuzz::Bytes payload) {
        const ws::PingMarkers::Answer answer = markers_.answer(payload);
        if (!answer.believed) {
            require(sent_.empty() || !std::ranges::equal(payload, sent_.back()));
            return;
        }
        require(answer.offset <= offset_ && !sent_.empty());
        require(answer.newest == std::ranges::equal(payload, sent_.back()));
        require(!answer.newest || answer.offset == offsets_.back());
    }

    // Slowly: all pings that wait, of which the receipts keep the first and the last.
    void receive(fuzz::Bytes payload, std::size_t confirmed) {
        received_ += 10;
        receipts_.add(payload, received_);
        waiting_.push_back({std::string(fuzz::text(payload)), received_});
        if (waiting_.size() > 2) {
            waiting_.erase(waiting_.begin() + 1);
        }
        confirmed_ = std::min(confirmed_ + confirmed, received_);
        while (!waiting_.empty() && waiting_.front().offset <= confirmed_) {
            require(receipts_.waiting() && receipts_.ripe(confirmed_));
            require(fuzz::text(receipts_.payload()) == waiting_.front().payload);
            receipts_.pop();
            waiting_.erase(waiting_.begin());
        }
        require(!receipts_.ripe(confirmed_) && receipts_.waiting() == !waiting_.empty());
    }

    struct Waiting {
        std::string payload;
        std::uint64_t offset;
    };

    ws::PingMarkers markers_;
    std::vector<ws::PingMarkers::Payload> sent_;
    std::vector<std::uint64_t> offsets_;
    std::uint64_t offset_ = 0;

    ws::WaitingPings memory_;
    ws::PingReceipts receipts_;
    std::vector<Waiting> waiting_;
    std::uint64_t received_ = 0;
    std::uint64_t confirmed_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    Pings pings;
    while (!input.content().empty()) {
        pings.step(input);
    }
    return 0;
}
