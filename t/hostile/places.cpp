#include "t/hostile/places.hpp"

namespace hostile {

std::span<const Place> places() {
    static constexpr Place all[] = {
        {.name = "echo"},
        {.name = "text", .text = true},
        {.name = "limit", .max_message = 1000},
        {.name = "window", .pongs = true},
        {.name = "half", .half_close = true},
        {.name = "deflate", .deflate = true, .max_message = 262144},
        {.name = "line", .framing = Framing::line},
        {.name = "length", .framing = Framing::length},
        {.name = "typed", .framing = Framing::typed, .deflate = true, .max_message = 102400},
        {.name = "proxied"},
        {.name = "mirrored"},
        {.name = "shared", .service = Service::shared},
        {.name = "moody", .service = Service::moody},
        {.name = "moody_half", .service = Service::moody, .half_close = true},
        {.name = "garbage0", .service = Service::garbage},
        {.name = "garbage1", .service = Service::garbage, .text = true},
        {.name = "garbage2", .service = Service::garbage, .deflate = true, .max_message = 262144},
        {.name = "garbage3", .service = Service::garbage, .framing = Framing::line, .text = true},
        {.name = "garbage4", .service = Service::garbage, .framing = Framing::length},
        {.name = "garbage5", .service = Service::garbage, .framing = Framing::typed},
        {.name = "garbage6", .service = Service::garbage, .half_close = true},
        {.name = "garbage7", .service = Service::garbage},
        {.name = "tls_garbage", .service = Service::garbage},
        {.name = "resumed", .service = Service::resumed},
        {.name = "refused", .service = Service::none},
        {.name = "foreign", .service = Service::none},
        {.name = "static", .service = Service::none},
    };
    return all;
}

}  // namespace hostile
