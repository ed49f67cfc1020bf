// KeptMessages beside a plain list of messages: whenever a leg is lost, and whatever of it had
// come, the client has each message once, in order, and memory is held only for what it may lack.
#include "t/fuzz/fuzz.hpp"

#include <deque>

#include "ngx_ws_filter/ws_resume/kept_messages.hpp"

using fuzz::Input;
using fuzz::require;
using ws::KeptMessages;
using ws::Tag;

namespace {

class Lender final : public ws::ReplayLender {
public:
    explicit Lender(std::size_t capacity) : capacity_(static_cast<std::uint32_t>(capacity)) {}
    ~Lender() { require(lent == 0); }

    [[nodiscard]] ws::ReplayBlock *lend_block(std::size_t wanted) noexcept override {
        require(wanted != 0);
        ++lent;
        void *memory = std::malloc(sizeof(ws::ReplayBlock) + capacity_);
        auto *block = static_cast<ws::ReplayBlock *>(memory);
        block->capacity = capacity_;
        return block;
    }
    void give_back(ws::ReplayBlock *block) noexcept override {
        --lent;
        std::free(block);
    }

    std::size_t lent = 0;

private:
    std::uint32_t capacity_;
};

// What a client has received; a copy of it is what it had at that time.
struct Client {
    std::string said;
    std::uint64_t received = 0;
    std::uint64_t empties = 0;
    bool open = false;

    void take(const KeptMessages::Piece &piece, std::string_view bytes) {
        if (piece.tag == Tag::empty) {
            require(!open && piece.number <= empties);
            said += piece.number == empties ? "<>" : "";
            empties += piece.number == empties ? 1 : 0;
            return;
        }
        require(piece.number == received && !bytes.empty() && bytes.size() <= ws::max_data);
        said += (open ? "" : "<") + std::string(bytes);
        open = piece.tag == Tag::part;
        said += open ? "" : ">";
        received += bytes.size();
    }
};

class World {
public:
    explicit World(std::size_t capacity) : lender_(capacity), kept_(lender_) {}

    void add(std::string_view part, bool ends) {
        if (wanted_.size() > 64 * 1024) {
            return;
        }
        require(kept_.append(fuzz::bytes(part), ends));
        const bool began = open_ || !part.empty() || ends;
        wanted_ += (began && !open_ ? "<" : "") + std::string(part) + (ends ? ">" : "");
        open_ = began && !ends;
    }

    bool send() {
        KeptMessages::Piece piece{};
        if (!kept_.next(client_.received, ws::max_data, piece)) {
            return false;
        }
        kept_.sent(piece);
        const fuzz::Block bytes(piece.size);
        require(piece.tag == Tag::empty || kept_.read(piece.number, bytes.span()) == piece.size);
        past_.push_back(client_);
        client_.take(piece, fuzz::text(bytes.span()));
        return true;
    }

    // The leg is lost, and with it what came last; or the client has thrown it away.
    void lose(std::size_t commands) {
        for (; commands > 0 && !past_.empty(); --commands) {
            client_ = past_.back();
            past_.pop_back();
        }
        acknowledge(0);
        kept_.begin_leg();
    }

    // All that came before the last commands.
    void acknowledge(std::size_t commands) {
        const std::size_t kept = std::min(commands, past_.size());
        past_.erase(past_.begin(), past_.end() - static_cast<std::ptrdiff_t>(kept));
        kept_.acknowledge(past_.empty() ? client_.received : past_.front().received);
    }

    void end() {
        require(!open_ || kept_.append({}, true));
        wanted_ += open_ ? ">" : "";
        while (send()) {
        }
        require(client_.said == wanted_);
        kept_.acknowledge(client_.received);
        require(kept_.size() == 0 && lender_.lent == 0);
    }

private:
    Lender lender_;
    KeptMessages kept_;
    Client client_;
    std::deque<Client> past_;  // before each command that is not acknowledged
    std::string wanted_;
    bool open_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    World world(1 + input.choice());
    while (!input.content().empty()) {
        const std::size_t step = input.take_byte();
        const std::size_t count = step / 8;
        switch (step % 8) {
            case 0:
            case 1:
                world.add(fuzz::text(input.take(count)), step % 8 == 1);
                break;
            case 2:
                world.add(std::string(1000 * count, 'f'), false);
                break;
            case 3:
                world.lose(count);
                break;
            case 4:
                world.acknowledge(count);
                break;
            default:
                for (std::size_t i = 0; i <= count; ++i) {
                    (void)world.send();
                }
        }
    }
    world.end();
    return 0;
}
