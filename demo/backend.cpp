// The services behind the demo page: three small TCP servers in one process and one thread.
// They stand for what a gateway is put in front of: programs that know nothing of WebSocket.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr std::size_t buffer_size = 64 * 1024;
constexpr std::size_t max_connections = 128;

// 4 KiB eight times a second are the 32 KiB a second that the slow service takes.
constexpr std::int64_t tick_ms = 125;
constexpr std::size_t slow_bytes_per_tick = 4096;
constexpr unsigned ticks_per_line = 2;

constexpr std::string_view greeting = "Hello from the ticker: four lines a second.\n";

// Small, so that a sender feels the slow service after kilobytes and not after megabytes.
constexpr int slow_receive_buffer = 16 * 1024;

enum class Service { echo, ticker, slow };

struct Listener {
    bool open = false;
    int socket = 0;
    sockaddr_un file = {};  // its path is empty for TCP
};

// Bytes [begin, end) of the buffer are to be sent. Nothing is read into a full buffer: that is
// the whole of the backpressure.
struct Connection {
    bool open = false;
    int socket = 0;
    Service service = Service::echo;
    bool peer_done = false;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t allowance = 0;  // what may be read at once; a slow one uses it up until the tick
    unsigned ticks = 0;
    std::array<char, buffer_size> bytes = {};
};

std::array<Listener, 3> listeners;
std::array<Connection, max_connections> connections;

[[noreturn]] void usage() {
    std::fputs(
        "usage: demo_backend echo=ADDR ticker=ADDR slow=ADDR\n"
        "\n"
        "  echo    sends back what it gets\n"
        "  ticker  greets, then sends a line of text every 250 ms and ignores what it gets\n"
        "  slow    as echo, but takes only about 32 KiB a second\n"
        "\n"
        "ADDR is a TCP port on 127.0.0.1 (0: any free one) or unix:PATH. At least one\n"
        "service must be given. What is listening is printed, one line a service. Ends on\n"
        "SIGTERM, SIGINT, or when a pipe on its standard input is closed.\n",
        stderr);
    std::exit(2);
}

[[noreturn]] void refuse(std::string_view argument, const char *reason) {
    std::fprintf(stderr, "demo_backend: \"%.*s\": %s\n\n", static_cast<int>(argument.size()),
                 argument.data(), reason);
    usage();
}

const char *name_of(Service service) {
    constexpr std::array names = {"echo", "ticker", "slow"};
    return names[static_cast<std::size_t>(service)];
}

std::string_view after(std::string_view text, std::size_t count) {
    text.remove_prefix(count);
    return text;
}

std::int64_t now_ms() {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Connections inherit what is set on their listener. Not every option exists for a unix socket.
void set_option(int socket, int level, int option, int value) {
    setsockopt(socket, level, option, &value, sizeof(value));
}

// The address is updated to the one that was bound. No error returns from here.
template <typename Address>
int listen_on(Address &address, Service service, std::string_view argument) {
    auto *const generic = reinterpret_cast<sockaddr *>(&address);
    socklen_t size = sizeof(address);
    const int socket = ::socket(generic->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    if (service == Service::slow) {
        set_option(socket, SOL_SOCKET, SO_RCVBUF, slow_receive_buffer);
    }
    if (bind(socket, generic, size) != 0 || listen(socket, 64) != 0) {
        std::fprintf(stderr, "demo_backend: \"%s\": %s\n", argument.data(), std::strerror(errno));
        std::exit(1);
    }
    getsockname(socket, generic, &size);
    return socket;
}

void listen_on_path(Listener &listener, Service service, std::string_view argument,
                    std::string_view path) {
    sockaddr_un address = {};
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        refuse(argument, "the path is empty or too long for a unix socket");
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    listener.socket = listen_on(address, service, argument);
    listener.file = address;
    std::printf("%s unix:%s\n", name_of(service), address.sun_path);
}

void listen_on_port(Listener &listener, Service service, std::string_view argument,
                    std::string_view number) {
    std::uint16_t port = 0;
    const char *const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, port);
    if (error != std::errc() || stop != end) {
        refuse(argument, "expected a port from 0 to 65535, or unix:PATH");
    }
    sockaddr_in address = {.sin_family = AF_INET,
                           .sin_port = htons(port),
                           .sin_addr = {htonl(INADDR_LOOPBACK)},
                           .sin_zero = {}};
    listener.socket = listen_on(address, service, argument);
    std::printf("%s 127.0.0.1:%u\n", name_of(service), ntohs(address.sin_port));
}

void open_service(std::string_view argument) {
    for (const Service service : {Service::echo, Service::ticker, Service::slow}) {
        const std::string_view name = name_of(service);
        if (!argument.starts_with(name) || !after(argument, name.size()).starts_with('=')) {
            continue;
        }
        Listener &listener = listeners[static_cast<std::size_t>(service)];
        if (listener.open) {
            refuse(argument, "this service is given twice");
        }
        listener.open = true;
        const std::string_view where = after(argument, name.size() + 1);
        if (where.starts_with("unix:")) {
            return listen_on_path(listener, service, argument, after(where, 5));
        }
        return listen_on_port(listener, service, argument, where);
    }
    refuse(argument, "expected echo=ADDR, ticker=ADDR or slow=ADDR");
}

void drop(Connection &connection) {
    close(connection.socket);
    connection.open = false;
}

bool wants_to_read(const Connection &connection) {
    return !connection.peer_done && connection.allowance > 0 && connection.end < buffer_size;
}

bool wants_to_write(const Connection &connection) {
    return connection.begin < connection.end;
}

void drop_unless_passing(Connection &connection) {
    if (errno != EAGAIN && errno != EINTR) {
        drop(connection);
    }
}

// The caller has checked wants_to_read().
void receive(Connection &connection) {
    char *const free_part = connection.bytes.data() + connection.end;
    const std::size_t room = std::min(buffer_size - connection.end, connection.allowance);
    const ssize_t count = recv(connection.socket, free_part, room, 0);
    if (count < 0) {
        return drop_unless_passing(connection);
    }
    connection.peer_done = count == 0;
    if (connection.service != Service::ticker) {
        connection.end += static_cast<std::size_t>(count);
    }
    if (connection.service == Service::slow) {
        connection.allowance -= static_cast<std::size_t>(count);
    }
}

// The caller has checked wants_to_write().
void send_pending(Connection &connection) {
    const ssize_t count = send(connection.socket, connection.bytes.data() + connection.begin,
                               connection.end - connection.begin, MSG_NOSIGNAL);
    if (count < 0) {
        return drop_unless_passing(connection);
    }
    connection.begin += static_cast<std::size_t>(count);
    if (connection.begin == connection.end) {
        connection.begin = 0;
        connection.end = 0;
    }
}

void serve(Connection &connection) {
    if (wants_to_read(connection)) {
        receive(connection);
    }
    if (connection.open && wants_to_write(connection)) {
        send_pending(connection);
    }
    // A peer that has ended its own direction gets every byte before we end ours.
    const bool done = connection.service == Service::ticker || !wants_to_write(connection);
    if (connection.open && connection.peer_done && done) {
        drop(connection);
    }
}

// A boiler that never was: a random walk in tenths of a degree, pulled back towards 71 °C.
int next_reading() {
    static int tenths = 710;
    tenths += std::rand() % 9 - 4 + (710 - tenths) / 20;
    return tenths;
}

// A line that the peer does not take is dropped, and its number with it: the gap tells.
void tell_reading(Connection &connection) {
    const int tenths = next_reading();
    if (wants_to_write(connection)) {
        return;
    }
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    tm local = {};
    localtime_r(&now.tv_sec, &local);
    const int size = std::snprintf(connection.bytes.data(), buffer_size,
                                   "#%u  %02d:%02d:%02d.%03ld  boiler %d.%d °C\n",
                                   connection.ticks / ticks_per_line, local.tm_hour, local.tm_min,
                                   local.tm_sec, now.tv_nsec / 1'000'000, tenths / 10, tenths % 10);
    connection.end = static_cast<std::size_t>(size);
    send_pending(connection);
}

Connection *find_free() {
    for (Connection &connection : connections) {
        if (!connection.open) {
            return &connection;
        }
    }
    return nullptr;
}

// The caller has checked that there is a free one.
void welcome(int listener, Service service) {
    Connection *const connection = find_free();
    const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        return;
    }
    *connection = {.open = true, .socket = socket, .service = service};
    connection->allowance = service == Service::slow ? slow_bytes_per_tick : buffer_size;
    if (service == Service::ticker) {
        std::copy(greeting.begin(), greeting.end(), connection->bytes.begin());
        connection->end = greeting.size();
        send_pending(*connection);
    }
}

// A negative descriptor is skipped by poll. Nothing is asked of a connection from which nothing is
// wanted, so that a peer that hung up does not keep waking us.
pollfd watch(int socket, bool read, bool write) {
    const int events = (read ? POLLIN : 0) | (write ? POLLOUT : 0);
    return {.fd = events != 0 ? socket : -1, .events = static_cast<short>(events), .revents = 0};
}

// In this order: standard input, the listeners, the connections.
using Watched = std::array<pollfd, 1 + listeners.size() + connections.size()>;

// Tells whether any connection is open.
bool fill(Watched &watched, bool watch_input) {
    bool open = false;
    pollfd *next = watched.data();
    *next++ = watch(STDIN_FILENO, watch_input, false);
    const bool full = find_free() == nullptr;
    for (const Listener &listener : listeners) {
        *next++ = watch(listener.socket, listener.open && !full, false);
    }
    for (const Connection &connection : connections) {
        *next++ = watch(connection.socket, connection.open && wants_to_read(connection),
                        connection.open && wants_to_write(connection));
        open = open || connection.open;
    }
    return open;
}

bool input_ended() {
    std::array<char, 512> ignored;
    return read(STDIN_FILENO, ignored.data(), ignored.size()) == 0;
}

// Connections first: a new one must not be served with the events of the one it replaces.
void handle(const Watched &watched) {
    const pollfd *next = watched.data() + 1 + listeners.size();
    for (Connection &connection : connections) {
        if (next++->revents != 0) {
            serve(connection);
        }
    }
    for (std::size_t i = 0; i < listeners.size(); i++) {
        if (watched[1 + i].revents != 0 && find_free() != nullptr) {
            welcome(listeners[i].socket, static_cast<Service>(i));
        }
    }
}

void tick() {
    for (Connection &connection : connections) {
        if (!connection.open) {
            continue;
        }
        connection.ticks++;
        if (connection.service == Service::slow) {
            connection.allowance = slow_bytes_per_tick;
        }
        if (connection.service == Service::ticker && connection.ticks % ticks_per_line == 0) {
            tell_reading(connection);
        }
    }
}

void run(bool watch_input) {
    static Watched watched;
    std::int64_t next_tick = now_ms() + tick_ms;
    while (true) {
        const bool open = fill(watched, watch_input);
        const auto left = static_cast<int>(std::max<std::int64_t>(next_tick - now_ms(), 0));
        if (poll(watched.data(), watched.size(), open ? left : -1) > 0) {
            if (watched[0].revents != 0 && input_ended()) {
                return;
            }
            handle(watched);
        }
        if (now_ms() >= next_tick) {
            tick();
            next_tick = std::max(next_tick + tick_ms, now_ms());
        }
    }
}

// Runs inside a signal handler as well: unlink and nothing more.
void remove_socket_files() {
    for (const Listener &listener : listeners) {
        if (listener.file.sun_path[0] != '\0') {
            unlink(listener.file.sun_path);
        }
    }
}

void stop(int) {
    remove_socket_files();
    _exit(0);
}

}  // namespace

int main(int count, char **arguments) {
    if (count < 2) {
        usage();
    }
    std::atexit(remove_socket_files);
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    for (int i = 1; i < count; i++) {
        open_service(arguments[i]);
    }
    std::fflush(stdout);
    struct stat input = {};
    fstat(STDIN_FILENO, &input);
    run(S_ISFIFO(input.st_mode));
}
