// A chat room over TCP: everybody gets every line. Anything that sends and shows lines is a client,
// nc and telnet first of all; of WebSocket nothing is known here.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::size_t max_guests = 128;
constexpr std::size_t max_line = 1000;  // bytes of what somebody says
constexpr std::size_t max_name = 24;

// What a guest has not taken yet. Who is further behind is shown the door, for the room waits for
// nobody.
constexpr std::size_t max_pending = 64 * 1024;

// Bytes that are put together to one line.
class Line {
public:
    Line &add(std::string_view text) {
        const std::size_t size = std::min(text.size(), bytes_.size() - size_);
        std::copy_n(text.begin(), size, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += size;
        return *this;
    }
    Line &add(char byte) { return add(std::string_view(&byte, 1)); }
    Line &add(unsigned number) {
        std::array<char, 10> digits;
        char *const end = std::to_chars(digits.begin(), digits.end(), number).ptr;
        return add({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }

    [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    // Each byte may become a replacement character of three, and somebody's name stands before.
    std::array<char, 3 *max_line + 4 *max_name> bytes_ = {};
    std::size_t size_ = 0;
};

struct Guest {
    bool open = false;
    int socket = 0;
    Line name;
    const char *leaves = nullptr;  // why, once that is decided
    bool cut = false;              // the line that comes is too long
    unsigned telnet = 0;           // bytes of a telnet command that are to come
    std::size_t size = 0;
    std::array<char, max_line> line = {};
    std::size_t pending_size = 0;
    std::array<char, max_pending> pending = {};
};

std::array<Guest, max_guests> guests;
int listener;

// --- what is said

void tell(Guest &guest, std::string_view line) {
    if (guest.leaves != nullptr) {
        return;
    }
    if (line.size() + 2 > max_pending - guest.pending_size) {
        guest.leaves = "too slow";
        return;
    }
    for (const std::string_view part : {line, std::string_view("\r\n")}) {
        std::memcpy(guest.pending.data() + guest.pending_size, part.data(), part.size());
        guest.pending_size += part.size();
    }
}

void tell_all(std::string_view line, const Guest *except = nullptr) {
    for (Guest &guest : guests) {
        if (guest.open && &guest != except) {
            tell(guest, line);
        }
    }
}

std::string_view name(const Guest &guest) {
    return guest.name.text();
}

bool is_taken(std::string_view wanted) {
    return std::any_of(guests.begin(), guests.end(),
                       [&](const Guest &guest) { return guest.open && name(guest) == wanted; });
}

void tell_who_is_here(Guest &guest) {
    Line line;
    line.add("* here:");
    for (const Guest &other : guests) {
        if (other.open && line.size() < max_line) {
            line.add(' ').add(name(other));
        }
    }
    tell(guest, line.text());
}

// The size of the code point that `text` begins with, or 0 if it does not begin with one. RFC 3629,
// section 4.
std::size_t code_point(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0U) == 0x80; };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        return follows(1) ? 2 : 0;
    }
    if (first >= 0xe0 && first < 0xf0) {
        const bool in_range = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
        return follows(1) && follows(2) && in_range ? 3 : 0;
    }
    if (first >= 0xf0 && first < 0xf5) {
        const bool in_range = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
        return follows(1) && follows(2) && follows(3) && in_range ? 4 : 0;
    }
    return 0;
}

// Whatever came, what goes out is text without control characters: it is shown on terminals.
Line readable(std::string_view said) {
    Line line;
    while (!said.empty()) {
        const std::size_t size = code_point(said);
        const auto first = static_cast<unsigned char>(said[0]);
        const bool control =
            first < 0x20 || first == 0x7f || (size == 2 && first == 0xc2 && (said[1] & 0x60) == 0);
        if (size == 0) {
            line.add("\xef\xbf\xbd");
        } else if (first == '\t') {
            line.add(' ');
        } else if (!control) {
            line.add(said.substr(0, size));
        }
        said.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return line;
}

void rename(Guest &guest, std::string_view wanted) {
    if (wanted.empty() || wanted.size() > max_name ||
        wanted.find_first_of(" <>*/") != std::string_view::npos) {
        return tell(guest, "* a name has up to 24 bytes, and no blank, <, >, * or /");
    }
    if (wanted == name(guest)) {
        return;
    }
    if (is_taken(wanted)) {
        return tell(guest, Line().add("* ").add(wanted).add(" is somebody else").text());
    }
    tell_all(Line().add("* ").add(name(guest)).add(" is now ").add(wanted).text());
    guest.name = Line().add(wanted);
}

void obey(Guest &guest, std::string_view command) {
    if (command == "/quit") {
        guest.leaves = "";
    } else if (command == "/who") {
        tell_who_is_here(guest);
    } else if (command.starts_with("/nick ")) {
        rename(guest, command.substr(6));
    } else {
        tell(guest, "* there are /nick NAME, /who and /quit");
    }
}

void hear(Guest &guest, std::string_view said) {
    const Line line = readable(said);
    if (line.text().starts_with('/')) {
        obey(guest, line.text());
    } else if (line.size() != 0) {
        tell_all(Line().add('<').add(name(guest)).add("> ").add(line.text()).text());
    }
    if (guest.cut) {
        tell(guest, "* that was cut, a line has up to 1000 bytes");
    }
}

// --- connections

// A telnet client may begin with commands of two or three bytes (RFC 854), which nobody said.
bool is_telnet(Guest &guest, unsigned char byte) {
    constexpr unsigned char interpret_as_command = 255;
    constexpr unsigned char first_with_option = 251;
    if (guest.telnet != 0) {
        const bool option_comes = guest.telnet == 2 && byte >= first_with_option;
        guest.telnet = option_comes ? 1 : 0;
        return true;
    }
    guest.telnet = byte == interpret_as_command ? 2 : 0;
    return guest.telnet != 0;
}

void take(Guest &guest, char byte) {
    if (is_telnet(guest, static_cast<unsigned char>(byte))) {
        return;
    }
    if (byte != '\n') {
        guest.cut = guest.cut || (guest.size == max_line && byte != '\r');
        if (guest.size < max_line) {
            guest.line[guest.size++] = byte;
        }
        return;
    }
    hear(guest, {guest.line.data(), guest.size});
    guest.size = 0;
    guest.cut = false;
}

void receive(Guest &guest) {
    std::array<char, 4096> bytes;
    const ssize_t count = recv(guest.socket, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count <= 0) {
        guest.leaves = "";
        return;
    }
    for (const char byte : std::string_view(bytes.data(), static_cast<std::size_t>(count))) {
        if (guest.leaves == nullptr) {
            take(guest, byte);
        }
    }
}

void send_pending(Guest &guest) {
    const ssize_t count =
        send(guest.socket, guest.pending.data(), guest.pending_size, MSG_NOSIGNAL);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR && guest.leaves == nullptr) {
            guest.leaves = "";
        }
        return;
    }
    guest.pending_size -= static_cast<std::size_t>(count);
    std::memmove(guest.pending.data(), guest.pending.data() + count, guest.pending_size);
}

// Who leaves because of a full queue may fill that of another by it.
void see_off() {
    for (bool again = true; again;) {
        again = false;
        for (Guest &guest : guests) {
            if (!guest.open || guest.leaves == nullptr) {
                continue;
            }
            send_pending(guest);
            close(guest.socket);
            guest.open = false;
            again = true;
            Line line;
            line.add("* ").add(name(guest)).add(" has left");
            if (*guest.leaves != '\0') {
                line.add(", ").add(guest.leaves);
            }
            tell_all(line.text());
        }
    }
}

Guest *find_free() {
    const auto found =
        std::find_if(guests.begin(), guests.end(), [](const Guest &guest) { return !guest.open; });
    return found == guests.end() ? nullptr : &*found;
}

// The caller has checked that there is a free one.
void welcome() {
    static unsigned number = 0;
    Guest &guest = *find_free();
    const int socket = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        return;
    }
    guest.socket = socket;
    guest.leaves = nullptr;
    guest.cut = false;
    guest.telnet = 0;
    guest.size = guest.pending_size = 0;
    do {
        guest.name = Line().add("guest").add(++number);
    } while (is_taken(name(guest)));
    guest.open = true;

    tell(guest, "* welcome, everybody here gets every line");
    tell(guest, Line().add("* you are ").add(name(guest)).text());
    tell(guest, "* there are /nick NAME, /who and /quit");
    tell_who_is_here(guest);
    tell_all(Line().add("* ").add(name(guest)).add(" has joined").text(), &guest);
}

int listen_on(const char *argument) {
    std::uint16_t port = 0;
    const char *const end = argument + std::strlen(argument);
    const auto [stop, error] = std::from_chars(argument, end, port);
    if (error != std::errc() || stop != end || stop == argument) {
        std::fputs("usage: chat_server PORT\n\nA chat room on 127.0.0.1:PORT.\n", stderr);
        std::exit(2);
    }
    const sockaddr_in address = {.sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr = {htonl(INADDR_LOOPBACK)},
                                 .sin_zero = {}};
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(socket, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0 ||
        listen(socket, 64) != 0) {
        std::perror("chat_server");
        std::exit(1);
    }
    return socket;
}

using Watched = std::array<pollfd, 1 + max_guests>;

// A negative descriptor is skipped by poll.
void fill(Watched &watched) {
    watched[0] = {.fd = find_free() != nullptr ? listener : -1, .events = POLLIN, .revents = 0};
    for (std::size_t i = 0; i < guests.size(); i++) {
        const int events = POLLIN | (guests[i].pending_size != 0 ? POLLOUT : 0);
        watched[1 + i] = {.fd = guests[i].open ? guests[i].socket : -1,
                          .events = static_cast<short>(events),
                          .revents = 0};
    }
}

// Guests first: a new one must not be served with the events of the one whose place it gets.
void handle(const Watched &watched) {
    for (std::size_t i = 0; i < guests.size(); i++) {
        if (watched[1 + i].revents != 0) {
            receive(guests[i]);
        }
    }
    if (watched[0].revents != 0) {
        welcome();
    }
    for (Guest &guest : guests) {
        if (guest.open && guest.pending_size != 0) {
            send_pending(guest);
        }
    }
    see_off();
}

}  // namespace

int main(int count, char **arguments) {
    listener = listen_on(count == 2 ? arguments[1] : "");
    static Watched watched;
    for (;;) {
        fill(watched);
        if (poll(watched.data(), watched.size(), -1) > 0) {
            handle(watched);
        }
    }
}
