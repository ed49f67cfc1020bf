#include "module/ws_resume/sessions.hpp"

namespace ngx_ws {

namespace {

Sessions the_sessions;

static_assert(sizeof(ngx_rbtree_key_t) == sizeof(uint64_t));

}  // namespace

Sessions &sessions() noexcept {
    return the_sessions;
}

// Made ready at the first use.
ngx_rbtree_t &Sessions::tree() noexcept {
    if (tree_.root == nullptr) {
        ngx_rbtree_init(&tree_, &nothing_, ngx_rbtree_insert_value);
    }
    return tree_;
}

void Sessions::add(Listed &session) noexcept {
    ngx_rbtree_insert(&tree(), &session.node);
    ++count_;
}

void Sessions::remove(Listed &session) noexcept {
    ngx_rbtree_delete(&tree(), &session.node);
    --count_;
}

ngx_rbtree_node_t *Sessions::first() noexcept {
    ngx_rbtree_node_t *root = tree().root;
    return root == &nothing_ ? nullptr : ngx_rbtree_min(root, &nothing_);
}

Listed *Sessions::find(uint64_t worker, uint64_t number) noexcept {
    const uint64_t key = Listed::key_of(worker, number);
    ngx_rbtree_node_t *node = tree().root;
    while (node != &nothing_ && node->key != key) {
        node = key < node->key ? node->left : node->right;
    }
    return node == &nothing_ ? nullptr : reinterpret_cast<Listed *>(node);
}

}  // namespace ngx_ws
