using System.Buffers.Text;

namespace CloudSync.Sdk;

/// <summary>What the script <see cref="StoreScripts.Claim"/> answers: the number of the batch, a letter for each id unless all were acquired, the times of those that are held.</summary>
internal static class ClaimAnswer
{
    /// <summary>Reads an answer.</summary>
    /// <param name="text">The answer.</param>
    /// <param name="places">Where the results of its ids belong.</param>
    /// <param name="results">Receives them.</param>
    /// <exception cref="RedisStoreException">It is none of that script's.</exception>
    public static void Read(ReadOnlySpan<byte> text, ReadOnlySpan<int> places, Span<ClaimResult> results)
    {
        if (text.Length < StoreScripts.NumberLength || (text.Length > StoreScripts.NumberLength && text.Length < StoreScripts.NumberLength + places.Length))
            throw StoreAnswer.Rubbish("claim", "is too short");

        var token = Number(text[..StoreScripts.NumberLength]) << StoreScripts.PlaceBits;
        var letters = text.Length > StoreScripts.NumberLength ? text.Slice(StoreScripts.NumberLength, places.Length) : default;
        var times = text[(StoreScripts.NumberLength + letters.Length)..];
        if (times.Length != StoreScripts.TimeLength * letters.Count(StoreScripts.Held))
            throw StoreAnswer.Rubbish("claim", "has not one time for each id that is held");

        for (var i = 0; i < places.Length; i++, token++)
        {
            var letter = letters.IsEmpty ? StoreScripts.Acquired : letters[i];
            ref var result = ref results[places[i]];
            switch (letter)
            {
                case StoreScripts.Acquired or StoreScripts.TookOver:
                    result = ClaimResult.Acquired(token, tookOver: letter == StoreScripts.TookOver);
                    break;
                case StoreScripts.Completed:
                    result = ClaimResult.Completed;
                    break;
                case StoreScripts.Held:
                    result = ClaimResult.HeldByAnother(TimeSpan.FromMilliseconds(Number(times[..StoreScripts.TimeLength])));
                    times = times[StoreScripts.TimeLength..];
                    break;
                default:
                    throw StoreAnswer.Rubbish("claim", "has a letter that means nothing");
            }
        }
    }

    private static long Number(ReadOnlySpan<byte> digits) =>
        Utf8Parser.TryParse(digits, out long number, out var read) && read == digits.Length
            ? number
            : throw StoreAnswer.Rubbish("claim", "has no number where one should be");
}
