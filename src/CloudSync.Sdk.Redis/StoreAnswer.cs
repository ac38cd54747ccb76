using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>What scripts answer. Anything else than what ours do is a failure of the store, and not taken for an answer.</summary>
internal static class StoreAnswer
{
    /// <summary>The text of an answer.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="what">What was being done: <c>claim</c>.</param>
    /// <exception cref="RedisStoreException">It is no text.</exception>
    public static byte[] Text(RedisResult answer, string what) =>
        answer.Resp2Type is ResultType.BulkString or ResultType.SimpleString && (byte[]?)answer is { } text ? text : throw Rubbish(what, "is no text");

    /// <summary>Reads an answer that has a letter for each id, or none when all were ours.</summary>
    /// <param name="letters">The answer.</param>
    /// <param name="what">What was being done: <c>complete</c>.</param>
    /// <param name="places">Where the results of its ids belong.</param>
    /// <param name="results">Receives them.</param>
    /// <exception cref="RedisStoreException">It has other letters, or not as many as there are ids.</exception>
    public static void ReadBits(ReadOnlySpan<byte> letters, string what, ReadOnlySpan<int> places, Span<bool> results)
    {
        if (!letters.IsEmpty && (letters.Length != places.Length || letters.ContainsAnyExcept(StoreScripts.True, StoreScripts.False)))
            throw Rubbish(what, "has not one letter for each id");

        for (var i = 0; i < places.Length; i++)
            results[places[i]] = letters.IsEmpty || letters[i] == StoreScripts.True;
    }

    /// <param name="what">What was being done: <c>claim</c>.</param>
    /// <param name="reason">What is wrong with the answer. Never the answer itself.</param>
    public static RedisStoreException Rubbish(string what, string reason) =>
        new($"Redis did not {what} ids: its answer {reason}. A proxy changes its answers, or this is a defect of ours; please report it.");
}
