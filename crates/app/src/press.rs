//! Where documents are set: apart from where requests are answered, a few at the same time.

use perennial_render::pdf::Press;
use tokio::sync::Semaphore;

thread_local! {
    /// One for each thread: to read the fonts takes longer than to set a document.
    static PRESS: std::cell::RefCell<Press> = std::cell::RefCell::new(Press::new());
}

/// Documents that are set at the same time at most: each takes a core, and a press some memory.
pub const MAX_PRESSES: usize = 4;
static PRESSES: Semaphore = Semaphore::const_new(MAX_PRESSES);

/// Does something with a press, apart from where requests are answered.
pub(crate) async fn press<T: Send + 'static>(work: impl FnOnce(&mut Press) -> T + Send + 'static) -> T {
    // It is never closed.
    let _turn = PRESSES.acquire().await;
    match tokio::task::spawn_blocking(move || PRESS.with_borrow_mut(work)).await {
        Ok(done) => done,
        Err(lost) => std::panic::resume_unwind(lost.into_panic()),
    }
}
