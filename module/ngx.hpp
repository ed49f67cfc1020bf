// The only door to nginx's headers, and the little that makes them pleasant from C++.
#pragma once

// The headers of some nginxes are C that our warnings for C++ do not let pass.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wwrite-strings"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif
extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
}
#pragma GCC diagnostic pop

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <utility>

namespace ngx {

[[nodiscard]] inline std::string_view view(const ngx_str_t &text) noexcept {
    return {reinterpret_cast<const char *>(text.data), text.len};
}

// nginx never writes through the strings it is given to read.
[[nodiscard]] inline ngx_str_t str(std::string_view text) noexcept {
    return {text.size(), reinterpret_cast<u_char *>(const_cast<char *>(text.data()))};
}

// A copy that lives as long as the pool; if there is no memory it has no bytes, and data is null.
[[nodiscard]] inline ngx_str_t copy(ngx_pool_t *pool, std::string_view text) noexcept {
    ngx_str_t from = str(text);
    u_char *data = ngx_pstrdup(pool, &from);
    return {data == nullptr ? 0 : from.len, data};
}

// A queue in static memory, ready for use: nginx itself makes none that is all zeros.
[[nodiscard]] inline ngx_queue_t &ready(ngx_queue_t &queue) noexcept {
    if (queue.next == nullptr) {
        ngx_queue_init(&queue);
    }
    return queue;
}

// What nginx's core has of the location that a request is in, and of its server.
[[nodiscard]] inline ngx_http_core_loc_conf_t &core_location(ngx_http_request_t *r) noexcept {
    return *static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_get_module_loc_conf(r, ngx_http_core_module));
}
[[nodiscard]] inline ngx_http_core_srv_conf_t &core_server(ngx_http_request_t *r) noexcept {
    return *static_cast<ngx_http_core_srv_conf_t *>(
        ngx_http_get_module_srv_conf(r, ngx_http_core_module));
}

// An object in a pool, which is never destroyed: only for types that need no destructor.
template <typename T, typename... Arguments>
[[nodiscard]] T *make(ngx_pool_t *pool, Arguments &&...arguments) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    void *memory = ngx_palloc(pool, sizeof(T));
    return memory == nullptr ? nullptr : new (memory) T(std::forward<Arguments>(arguments)...);
}

// An object like those of make(), in memory of its own: what a pool has no room left for costs it a
// whole block.
template <typename T, typename... Arguments>
[[nodiscard]] T *make_apart(ngx_pool_t *pool, Arguments &&...arguments) noexcept {
    static_assert(std::is_trivially_destructible_v<T>);
    void *memory = ngx_pmemalign(pool, sizeof(T), alignof(std::max_align_t));
    return memory == nullptr ? nullptr : new (memory) T(std::forward<Arguments>(arguments)...);
}

// An object like those of make(), apart if the pool would take another block for it.
template <typename T, typename... Arguments>
[[nodiscard]] T *make_within(ngx_pool_t *pool, Arguments &&...arguments) noexcept {
    for (const ngx_pool_t *block = pool->current; block != nullptr; block = block->d.next) {
        if (static_cast<size_t>(block->d.end - block->d.last) >= sizeof(T) + NGX_ALIGNMENT) {
            return make<T>(pool, std::forward<Arguments>(arguments)...);
        }
    }
    return make_apart<T>(pool, std::forward<Arguments>(arguments)...);
}

template <typename T>
[[nodiscard]] std::span<T> elements(ngx_array_t *array) noexcept {
    return {static_cast<T *>(array->elts), array->nelts};
}

// Calls take(name, value) for each header field line of the request, in order, until it says false.
// Both the fields of nginx 1.22 and its later linked ones are in this list.
template <typename Take>
[[nodiscard]] bool each_request_field(ngx_http_request_t *r, Take take) noexcept {
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part != nullptr; part = part->next) {
        for (ngx_table_elt_t &field :
             std::span{static_cast<ngx_table_elt_t *>(part->elts), part->nelts}) {
            if (!take(view(field.key), view(field.value))) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace ngx

extern "C" ngx_module_t ngx_http_ws_module;
