// A long link: carries the packets of one TUN device to another and back, late, at a bounded rate,
// through a queue that drops what it has no room for. Made for t/harness/netns.py.
//
//     long_link FD FD rtt=MICROSECONDS rate=BITS_A_SECOND queue=BYTES [loss=MILLIONTHS] [seed=N]
//
// Both devices have IFF_NO_PI and IFF_VNET_HDR. It ends with its standard input.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <random>
#include <string_view>
#include <vector>

namespace {

using Nanoseconds = int64_t;
constexpr Nanoseconds second = 1'000'000'000;

constexpr size_t largest_packet = 65536 + 64;
constexpr size_t virtio_header = 10;
constexpr size_t segment_headers = 52;  // IP and TCP with timestamps
constexpr unsigned packets_in_a_turn = 64;

struct Settings {
    uint64_t rtt = 0;
    uint64_t rate = 0;
    uint64_t queue = 0;
    uint64_t loss = 0;
    uint64_t seed = 1;
};

Nanoseconds now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

// Bytes on the wire: what the kernel hands over as one packet may be many segments.
size_t wire_size(const uint8_t *packet, size_t size) {
    uint16_t segment = 0;
    std::memcpy(&segment, packet + 4, sizeof(segment));
    const size_t payload = size - virtio_header;
    return segment == 0 ? payload : payload + payload / segment * segment_headers;
}

// One direction of the link.
class Direction {
public:
    Direction(int from, int to, const Settings &settings, uint64_t seed)
        : from_(from), to_(to), settings_(settings), random_(seed) {}

    // Takes what the device has to send. Returns whether there may be more.
    bool take() {
        for (unsigned packets = 0; packets < packets_in_a_turn; ++packets) {
            std::vector<uint8_t> room = spare();
            room.resize(largest_packet);
            const ssize_t n = read(from_, room.data(), room.size());
            if (n <= static_cast<ssize_t>(virtio_header)) {
                spares_.push_back(std::move(room));
                return false;
            }
            room.resize(static_cast<size_t>(n));
            queue(std::move(room));
        }
        return true;
    }

    void deliver() {
        const Nanoseconds time = now();
        while (!under_way_.empty() && under_way_.front().arrives <= time) {
            std::vector<uint8_t> &bytes = under_way_.front().bytes;
            if (write(to_, bytes.data(), bytes.size()) < 0 && errno == EAGAIN) {
                return;
            }
            spares_.push_back(std::move(bytes));
            under_way_.pop_front();
        }
    }

    // When the next packet arrives, or `otherwise`.
    Nanoseconds next(Nanoseconds otherwise) const {
        return under_way_.empty() ? otherwise : std::min(otherwise, under_way_.front().arrives);
    }

private:
    struct Packet {
        Nanoseconds arrives;
        std::vector<uint8_t> bytes;
    };

    std::vector<uint8_t> spare() {
        if (spares_.empty()) {
            return {};
        }
        std::vector<uint8_t> bytes = std::move(spares_.back());
        spares_.pop_back();
        return bytes;
    }

    void queue(std::vector<uint8_t> bytes) {
        const Nanoseconds time = now();
        const Nanoseconds begins = std::max(time, free_);
        if (time_of(settings_.queue) < begins - time || lost()) {
            spares_.push_back(std::move(bytes));
            return;
        }
        free_ = begins + time_of(wire_size(bytes.data(), bytes.size()));
        const auto way = static_cast<Nanoseconds>(settings_.rtt) * 1000 / 2;
        under_way_.push_back({free_ + way, std::move(bytes)});
    }

    Nanoseconds time_of(uint64_t bytes) const {
        return static_cast<Nanoseconds>(static_cast<double>(bytes) * 8 * second /
                                        static_cast<double>(settings_.rate));
    }

    bool lost() { return settings_.loss != 0 && random_() % 1'000'000 < settings_.loss; }

    int from_;
    int to_;
    Settings settings_;
    std::mt19937_64 random_;
    Nanoseconds free_ = 0;  // the link, from then on
    std::deque<Packet> under_way_;
    std::vector<std::vector<uint8_t>> spares_;
};

bool read_number(std::string_view text, uint64_t &number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

bool read_setting(std::string_view text, Settings &settings) {
    const std::array<std::pair<std::string_view, uint64_t *>, 5> names{{
        {"rtt=", &settings.rtt},
        {"rate=", &settings.rate},
        {"queue=", &settings.queue},
        {"loss=", &settings.loss},
        {"seed=", &settings.seed},
    }};
    for (const auto &[name, number] : names) {
        if (text.starts_with(name)) {
            return read_number(text.substr(name.size()), *number);
        }
    }
    return false;
}

// A packet that is late because something else had the processor would be a longer link.
void hurry() {
    const sched_param first{.sched_priority = 1};
    (void)sched_setscheduler(0, SCHED_FIFO, &first);
    (void)prctl(PR_SET_TIMERSLACK, 1);
}

void carry(int near, int far, const Settings &settings) {
    std::array<Direction, 2> directions{Direction{near, far, settings, 2 * settings.seed},
                                        Direction{far, near, settings, 2 * settings.seed + 1}};
    std::array<pollfd, 3> waiting{{{near, POLLIN, 0}, {far, POLLIN, 0}, {STDIN_FILENO, 0, 0}}};
    while ((waiting[2].revents & POLLHUP) == 0) {
        bool more = false;
        for (Direction &direction : directions) {
            more |= direction.take();
            direction.deliver();
        }
        const Nanoseconds time = now();
        const Nanoseconds until = directions[0].next(directions[1].next(time + second));
        const Nanoseconds left = more ? 0 : std::max(until - time, Nanoseconds{0});
        const timespec timeout{left / second, left % second};
        (void)ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
    }
}

}  // namespace

int main(int count, char **arguments) {
    uint64_t near = 0;
    uint64_t far = 0;
    Settings settings;
    bool understood =
        count > 3 && read_number(arguments[1], near) && read_number(arguments[2], far);
    for (int i = 3; i < count; ++i) {
        understood = understood && read_setting(arguments[i], settings);
    }
    if (!understood || settings.rate == 0) {
        std::fprintf(stderr, "usage: %s FD FD rtt= rate= queue= [loss=] [seed=]\n", arguments[0]);
        return 2;
    }
    for (const uint64_t fd : {near, far}) {
        (void)fcntl(static_cast<int>(fd), F_SETFL, O_NONBLOCK);
    }
    hurry();
    carry(static_cast<int>(near), static_cast<int>(far), settings);
}
