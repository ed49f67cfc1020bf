// The worker's sessions that can be resumed, by their numbers.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

class Resumable;

// What a session is found by: the worker that it was begun in, and its number there. Workers of two
// binaries may have the same numbers.
struct Listed {
    ngx_rbtree_node_t node;  // the first member
    uint64_t home;

    void name(uint64_t worker, uint64_t number) noexcept {
        home = worker;
        node.key = key_of(worker, number);
    }
    [[nodiscard]] uint64_t number() const noexcept { return node.key ^ home; }
    [[nodiscard]] static uint64_t key_of(uint64_t worker, uint64_t number) noexcept {
        return worker ^ number;
    }
};

class Sessions {
public:
    // Its name must be new.
    void add(Listed &session) noexcept;
    void remove(Listed &session) noexcept;

    [[nodiscard]] size_t count() const noexcept { return count_; }
    // Null if there is none.
    [[nodiscard]] Listed *find(uint64_t worker, uint64_t number) noexcept;

    // Calls see(Listed &) for each, which may not add or remove any.
    template <typename See>
    void each(See see) noexcept {
        for (ngx_rbtree_node_t *node = first(); node != nullptr;
             node = ngx_rbtree_next(&tree_, node)) {
            see(*reinterpret_cast<Listed *>(node));
        }
    }

private:
    [[nodiscard]] ngx_rbtree_t &tree() noexcept;
    [[nodiscard]] ngx_rbtree_node_t *first() noexcept;

    ngx_rbtree_t tree_ = {};
    ngx_rbtree_node_t nothing_ = {};
    size_t count_ = 0;
};

[[nodiscard]] Sessions &sessions() noexcept;

}  // namespace ngx_ws
