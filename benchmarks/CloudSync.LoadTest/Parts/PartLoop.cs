using System.Text.Json;

namespace CloudSync.LoadTest.Parts;

/// <summary>The other end of a <see cref="Part"/>, in its process.</summary>
internal static class PartLoop
{
    /// <summary>Asks for the <see cref="Use"/> of the process.</summary>
    public const string UseQuestion = "use";

    /// <summary>Says that the part is ready, and answers until nobody asks any more.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="answer">Answers what a part of this kind is asked.</param>
    public static async Task RunAsync(string address, Func<string, Task<object?>>? answer = null)
    {
        await Console.Out.WriteLineAsync(address);
        while (await Console.In.ReadLineAsync() is { } question)
        {
            var says = question == UseQuestion ? Use.OfThisProcess() : answer is null ? null : await answer(question);
            await Console.Out.WriteLineAsync(JsonSerializer.Serialize(says));
        }
    }
}
