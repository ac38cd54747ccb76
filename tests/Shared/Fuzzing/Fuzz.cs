using System.Globalization;
using System.Text;
using Xunit;

namespace CloudSync.Fuzzing;

/// <summary>
/// Shows a law one input after another: first the seeds, then what a <see cref="Mutator"/> makes of them. Ten thousand in an ordinary run, as many as <c>CLOUDSYNC_FUZZ_INPUTS</c> says in a long one.
/// </summary>
internal static class Fuzz
{
    private const int ShortRun = 10_000;

    /// <summary>Checks a law.</summary>
    /// <param name="seeds">Sound inputs, unsound ones, and all that ever found something.</param>
    /// <param name="law">
    /// Throws when the law is broken, else says whether the input was taken for what it should be. What it chooses at random it chooses by the random numbers given, which are those of the input: so the input alone
    /// brings a failure back.
    /// </param>
    /// <param name="least">The least share of inputs that must be taken, and that must not: a law that sees only one kind says little.</param>
    public static void Check(IReadOnlyList<byte[]> seeds, Func<byte[], Random, bool> law, double least = 0.02)
    {
        var inputs = Number("CLOUDSYNC_FUZZ_INPUTS") ?? ShortRun;
        var seed = Number("CLOUDSYNC_FUZZ_SEED") ?? Random.Shared.Next();
        foreach (var input in seeds)
            Try(law, input, "a kept seed");

        var mutator = new Mutator(seeds, new Random(seed));
        var taken = 0;
        for (var i = 0; i < inputs; i++)
            taken += Try(law, mutator.Next(), string.Create(CultureInfo.InvariantCulture, $"input {i} of CLOUDSYNC_FUZZ_SEED={seed}")) ? 1 : 0;

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"CLOUDSYNC_FUZZ_SEED={seed}: {inputs} inputs, of which {taken} were taken"));
        Assert.InRange(taken, least * inputs, (1 - least) * inputs);
    }

    /// <summary>Seeds from texts, as UTF-8.</summary>
    public static byte[][] Texts(params string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];

    /// <summary>Seeds that were findings, as a failure shows them.</summary>
    public static byte[][] Found(params string[] base64) => [.. base64.Select(Convert.FromBase64String)];

    private static bool Try(Func<byte[], Random, bool> law, byte[] input, string which)
    {
        try
        {
            return law(input, RandomOf(input));
        }
        catch (Exception e)
        {
            var (small, why) = Shrink(law, input, e);
            Assert.Fail($"{which}, made as small as it fails:\n{Convert.ToBase64String(small)}\n{Encoding.UTF8.GetString(small)}\n\n{why}");
            throw;
        }
    }

    /// <summary>Leaves out what can be left out, in ever smaller pieces.</summary>
    private static (byte[] Input, Exception Why) Shrink(Func<byte[], Random, bool> law, byte[] input, Exception why)
    {
        for (var size = input.Length / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= input.Length;)
            {
                byte[] smaller = [.. input[..at], .. input[(at + size)..]];
                try
                {
                    law(smaller, RandomOf(smaller));
                    at += size;
                }
                catch (Exception e)
                {
                    (input, why) = (smaller, e);
                }
            }
        }

        return (input, why);
    }

    private static Random RandomOf(byte[] input) => new(input.Aggregate(17, (hash, next) => unchecked((hash * 31) + next)));

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) : null;
}
