using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demo.Copies;

/// <summary>What an endpoint saw, in figures.</summary>
/// <param name="Cloud">The cloud.</param>
/// <param name="CarriedOut">Messages that it carried out, each once.</param>
/// <param name="Received">Messages in the requests that it got.</param>
/// <param name="DiedWithProcess">Messages whose request died unanswered with the killed process.</param>
/// <param name="CameAgain">Of these, messages that came again with their Idempotency-Key.</param>
/// <param name="CameAgainAnswered">Messages that came again though they were answered, because the killed process had no time to write that down.</param>
internal sealed record CopiesCounts(string Cloud, int CarriedOut, long Received, int DiedWithProcess, int CameAgain, int CameAgainAnswered);

/// <summary>What the ledger says of a run in which every message was posted three times and a process was killed. Pure.</summary>
internal sealed record CopiesVerdict(string Run, int Messages, int CopiesPosted, bool Interrupted, IReadOnlyList<Check> Checks, IReadOnlyList<CopiesCounts> Clouds)
{
    public bool IsGood => Checks.All(c => c.Holds);

    public int ExitCode => !IsGood ? 1 : Interrupted ? 130 : 0;

    /// <summary>Judges a run. After an interruption, what has not come yet is no offence.</summary>
    /// <param name="ledger">What was seen.</param>
    /// <param name="lag">Records of the topic past what each group has committed, by cloud; <see langword="null"/> where it is not known.</param>
    /// <param name="interrupted">Whether the run was ended before its end.</param>
    public static CopiesVerdict Of(CopiesLedger ledger, IReadOnlyDictionary<string, long?> lag, bool interrupted)
    {
        var messages = ledger.Messages;
        var checks = new List<Check>();
        if (!interrupted)
            checks.Add(Each(ledger, "api", "every message accepted three times", n => ledger.CopiesOf(n) >= CopiesPoster.Copies));

        foreach (var cloud in ledger.Clouds)
        {
            checks.Add(Of(cloud, "none carried out twice", cloud.CarriedOut, cloud.CarriedOutTwice));
            checks.Add(Of(cloud, "none sent twice but what a killed process could not write down", cloud.Received, cloud.CameAgainForNothing));
            checks.Add(Of(cloud, "what came again had its Idempotency-Key", cloud.Received - cloud.CarriedOut, cloud.CameWithAnotherIdempotencyKey));
            checks.Add(Of(cloud, "none invented", cloud.Received, cloud.Invented));
            checks.Add(Of(cloud, "payload untouched, byte for byte", cloud.Received, cloud.Altered));
            if (!interrupted)
            {
                checks.Add(Each(ledger, cloud.Name, "every message carried out", cloud.IsCarriedOut));
                checks.Add(Condition(cloud, "a process killed with calls under way", cloud.DiedWithProcess > 0, "nothing was under way, so nothing is proved"));
                var missing = cloud.NotCameAgain();
                checks.Add(new Check(cloud.Name, "all that died with it came again", cloud.DiedWithProcess, missing.Count, [.. missing.Take(Offences.Shown)]));
                checks.Add(Condition(cloud, "its process, started again, delivers", cloud.RequestsOf(EndpointLedger.SecondLife) > 0, "it has sent nothing"));
                checks.Add(Verdict.CaughtUp(cloud.Name, cloud.CarriedOut, lag.GetValueOrDefault(cloud.Name)));
            }
        }

        return new CopiesVerdict(
            messages.Run,
            messages.Count,
            ledger.Accepted,
            interrupted,
            checks,
            [.. ledger.Clouds.Select(c => new CopiesCounts(c.Name, c.CarriedOut, c.Received, c.DiedWithProcess, c.CameAgain, c.CameAgainAnswered))]);
    }

    public string ToJson() => JsonSerializer.Serialize(this, CopiesVerdictJson.Default.CopiesVerdict);

    private static Check Of(EndpointLedger cloud, string name, long looked, Offences offences) => new(cloud.Name, name, looked, offences.Count, offences.Ids);

    private static Check Condition(EndpointLedger cloud, string name, bool holds, string otherwise) => new(cloud.Name, name, 1, holds ? 0 : 1, holds ? [] : [otherwise]);

    private static Check Each(CopiesLedger ledger, string where, string name, Func<int, bool> holds)
    {
        var offences = new Offences();
        for (var n = 0; n < ledger.Messages.Count; n++)
        {
            if (!holds(n))
                offences.Add(ledger.Messages.Id(n));
        }

        return new Check(where, name, ledger.Messages.Count, offences.Count, offences.Ids);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CopiesVerdict))]
internal sealed partial class CopiesVerdictJson : JsonSerializerContext;
