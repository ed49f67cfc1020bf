#include "t/hostile/script.hpp"

#include "t/hostile/request.hpp"
#include "t/hostile/talk.hpp"

namespace hostile {

namespace {

using sim::Random;
using Kind = Step::Kind;

enum class Trouble : std::uint8_t {
    none,
    wrong_request,
    spoilt_request,
    wrong_frames,
    spoilt_frames,
    cut_short,
    count,
};

class Writer {
public:
    explicit Writer(std::uint64_t seed) : random_(seed) { script_.seed = seed; }

    Script write() {
        choose();
        write_request();
        std::size_t request = script_.bytes.size();
        const bool early = random_.one_in(4);
        if (early && random_.one_in(2)) {
            // All in one write: nginx's own buffer has it before there is a session.
            request = 0;
        } else {
            send(request);
        }
        if (!early) {
            script_.steps.push_back({Kind::await_answer});
        }
        write_frames(request);
        script_.end = static_cast<End>(random_.below(4));
        if (script_.valid) {
            end_well();
        }
        if (script_.segment != 0) {
            // All of it has to arrive in time.
            script_.segment += script_.bytes.size() / (script_.valid ? 20 : 500);
        }
        return std::move(script_);
    }

private:
    void choose() {
        const std::span<const Place> all = places();
        // The usual path is half of all.
        script_.place =
            random_.one_in(2) ? &all[random_.below(14)] : &all[random_.below(all.size())];
        script_.hasty = random_.one_in(4);
        script_.tls = random_.one_in(6);
        trouble_ =
            random_.one_in(4)
                ? Trouble::none
                : static_cast<Trouble>(random_.below(static_cast<std::size_t>(Trouble::count)));
        const bool stalls = script_.hasty && random_.one_in(3);
        script_.valid = trouble_ == Trouble::none && script_.place->echoes() && !script_.hasty;
        script_.tls_plan = make_tls_plan(random_, script_.valid || random_.one_in(2));
        script_.answers_pings = script_.valid || random_.one_in(2);
        stalls_ = stalls;
        if (random_.one_in(5)) {
            script_.receive_buffer = 16384;
        }
        if (random_.one_in(8)) {
            script_.segment = 1 + random_.size(3000);
        }
    }

    void write_request() {
        const Place &place = *script_.place;
        if (trouble_ == Trouble::wrong_request) {
            script_.bytes = wrong_request(random_, place, script_.hasty);
            return;
        }
        Request request = right_request(random_, place, script_.hasty);
        compressed_ = request.offers_deflate;
        script_.whole_request = trouble_ != Trouble::spoilt_request;
        if (!script_.whole_request) {
            spoil(random_, request.text);
        }
        script_.bytes = request.text;
    }

    void write_frames(std::size_t begin) {
        const TalkOptions options{script_.place, compressed_};
        std::string frames = right_frames(random_, options);
        if (trouble_ == Trouble::wrong_frames) {
            frames += wrong_frames(random_, options);
        }
        const std::string more = right_frames(random_, options);
        if (!script_.valid || random_.one_in(2)) {
            frames += more;
        }
        if (!script_.valid && random_.one_in(2)) {
            frames += close_frame(random_);
        }
        if (trouble_ == Trouble::spoilt_frames) {
            spoil(random_, frames);
        } else if (trouble_ == Trouble::cut_short) {
            frames.resize(random_.below(frames.size() + 1));
        }
        script_.bytes += frames;
        send(script_.bytes.size() - begin);
    }

    // nginx takes a FIN that comes before its answer for a client that has gone.
    void end_well() {
        script_.end = random_.one_in(3) ? End::half : End::wait;
        if (!script_.place->half_close) {
            script_.steps.push_back({Kind::await_echo});
        } else if (script_.end == End::half) {
            script_.steps.push_back({Kind::await_answer});
        }
        const std::string frame = close_frame(random_);
        script_.bytes += frame;
        script_.steps.push_back({Kind::send, frame.size()});
    }

    // In parts, with pauses between them.
    void send(std::size_t size) {
        for (std::size_t parts = random_.one_in(3) ? random_.below(4) : 0; parts > 0; --parts) {
            const std::size_t part = random_.below(size + 1);
            script_.steps.push_back({Kind::send, part});
            add_pause();
            size -= part;
        }
        script_.steps.push_back({Kind::send, size});
    }

    void add_pause() {
        const bool deaf = random_.one_in(3);
        if (deaf) {
            script_.steps.push_back({Kind::stop_reading});
        }
        // Long ones are more than the hasty location waits for.
        script_.steps.push_back({Kind::pause, stalls_ ? random_.below(700) : random_.below(8)});
        if (deaf) {
            script_.steps.push_back({Kind::read_on});
        }
    }

    Random random_;
    Script script_;
    Trouble trouble_ = Trouble::none;
    bool compressed_ = false;
    bool stalls_ = false;
};

}  // namespace

Script make_script(std::uint64_t seed) {
    return Writer(seed).write();
}

}  // namespace hostile
