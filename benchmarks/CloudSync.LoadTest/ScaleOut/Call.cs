namespace CloudSync.LoadTest.ScaleOut;

/// <summary>One request at the endpoint.</summary>
/// <param name="Member">The process that sent it, by its number.</param>
/// <param name="Arrived">When it had been read, by the <see cref="MachineClock"/>.</param>
/// <param name="Answered">When it was answered; <see langword="null"/> when its sender was gone by then.</param>
/// <param name="HasItsKey">Whether its <c>Idempotency-Key</c> is that of its ids.</param>
/// <param name="Foreign">How much in it is no message of the run.</param>
/// <param name="Numbers">Its messages.</param>
internal sealed record Call(int Member, TimeSpan Arrived, TimeSpan? Answered, bool HasItsKey, int Foreign, long[] Numbers);
