"""From any standing posts, the steps lead to the wanted pages, and then cost nothing."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Page, Post
from bridge.steps import Delete, Edit, Seek, Send, next_step

texts = st.lists(st.text(min_size=1, max_size=5), max_size=6)
posts = st.dictionaries(
    st.integers(0, 8), st.tuples(st.sampled_from([None, "id"]), st.text(max_size=3)), max_size=6
).map(lambda found: [Post(page=page, message_id=kind and f"old{page}", digest=d) for page, (kind, d) in found.items()])


@given(texts, posts, st.lists(st.booleans(), max_size=20), st.booleans())
def test_converges_from_anything_even_when_steps_are_lost(wanted_texts, standing, lost, arrived):
    wanted = [Page(index=i, text=text, final=True) for i, text in enumerate(wanted_texts)]
    stands = {post.page: post for post in standing}
    losses = iter(lost)
    for _ in range(len(lost) + 2 * (len(wanted) + len(standing))):
        step = next_step(wanted, list(stands.values()))
        if step is None:
            break
        if next(losses, False):
            continue  # the process died before anything was written down
        match step:
            case Send(page) | Edit(page):
                stands[page.index] = Post(page=page.index, message_id=f"m{page.index}", digest=page.digest)
            case Seek(page) if arrived:
                stands[page] = Post(page=page, message_id=f"found{page}")
            case Delete(page, _) | Seek(page):
                del stands[page]
    assert next_step(wanted, list(stands.values())) is None
    assert {page: post.digest for page, post in stands.items()} == {page.index: page.digest for page in wanted}
