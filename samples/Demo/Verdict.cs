using System.Text.Json;
using System.Text.Json.Serialization;

namespace Demo;

/// <summary>One thing that must hold.</summary>
/// <param name="Where">The API, or a cloud.</param>
/// <param name="Name">What must hold.</param>
/// <param name="Checked">How many were looked at.</param>
/// <param name="Offences">How many offend against it.</param>
/// <param name="Offenders">The first few of them.</param>
internal sealed record Check(string Where, string Name, long Checked, long Offences, IReadOnlyList<string> Offenders)
{
    public bool Holds => Offences == 0;
}

/// <summary>Counts that decide nothing, and help to understand what does.</summary>
internal sealed record CloudCounts(
    string Cloud, long Accepted, long DeadLettered, long DeadLetteredWithoutPoison, long RepeatedAfterLostAnswer, long NotYetDelivered, long FromElsewhere);

/// <summary>
/// What the ledger says of a run, and nothing else does: neither the SDK's own counters nor its log are asked. Pure.
/// </summary>
internal sealed record Verdict(string Run, int Messages, bool Interrupted, IReadOnlyList<Check> Checks, IReadOnlyList<CloudCounts> Clouds)
{
    public bool IsGood => Checks.All(c => c.Holds);

    public int ExitCode => !IsGood ? 1 : Interrupted ? 130 : 0;

    /// <summary>
    /// Judges a run. After an interruption, what was not delivered stands uncommitted in Kafka and is no loss; everything else is judged all the same.
    /// </summary>
    /// <param name="ledger">What was seen.</param>
    /// <param name="lag">Records of the topic past what each group has committed, by cloud; <see langword="null"/> where it is not known.</param>
    /// <param name="interrupted">Whether the run was ended before its end.</param>
    public static Verdict Of(Ledger ledger, IReadOnlyDictionary<string, long?> lag, bool interrupted)
    {
        var checks = new List<Check>();
        var clouds = new List<CloudCounts>();
        if (!interrupted)
            checks.Add(NotTaken(ledger));

        foreach (var cloud in ledger.Clouds)
        {
            var missing = Missing(ledger, cloud);
            var seen = cloud.Accepted + cloud.DeadLettered;
            if (!interrupted)
                checks.Add(new Check(cloud.Name, "every accepted message delivered or dead-lettered", ledger.Accepted, missing.Count, missing.Ids));

            checks.Add(Of(cloud, "none invented", seen, cloud.Invented, NeverPosted(ledger, cloud)));
            checks.Add(Of(cloud, "none accepted twice", cloud.Accepted, cloud.AcceptedTwice));
            checks.Add(Of(cloud, "none repeated once its answer was read", cloud.Repeated, cloud.RepeatedForNothing));
            checks.Add(Of(cloud, "order of each key kept", cloud.Accepted, cloud.Reordered));
            checks.Add(Of(cloud, "payload untouched, byte for byte", cloud.Accepted, cloud.Altered));
            checks.Add(Of(cloud, "dead letters complete, and say why", cloud.DeadLettered, cloud.IncompleteDeadLetters));
            if (!interrupted)
                checks.Add(CaughtUp(cloud.Name, cloud.Settled, lag.GetValueOrDefault(cloud.Name)));

            clouds.Add(new CloudCounts(
                cloud.Name, cloud.Accepted, cloud.DeadLettered, cloud.DeadLetteredWithoutPoison, cloud.Repeated, missing.Count, cloud.Foreign));
        }

        return new Verdict(ledger.Messages.Run, ledger.Messages.Count, interrupted, checks, clouds);
    }

    /// <summary>Whether a cloud's group has committed everything.</summary>
    public static Check CaughtUp(string cloud, long looked, long? lag) => new(
        cloud,
        "offsets committed to the end (lag 0)",
        looked,
        lag ?? 1,
        lag switch { 0 => [], null => ["Kafka did not say what the group has committed"], _ => [$"{lag} records not committed"] });

    public string ToJson() => JsonSerializer.Serialize(this, VerdictJson.Default.Verdict);

    private static Check Of(CloudLedger cloud, string name, long looked, Offences offences, Offences? more = null) =>
        more is null
            ? new Check(cloud.Name, name, looked, offences.Count, offences.Ids)
            : new Check(cloud.Name, name, looked, offences.Count + more.Count, [.. offences.Ids.Concat(more.Ids).Take(Offences.Shown)]);

    private static Check NotTaken(Ledger ledger)
    {
        var notTaken = new Offences();
        for (var n = 0; n < ledger.Messages.Count; n++)
        {
            if (!ledger.IsAccepted(n))
                notTaken.Add(ledger.Messages.Id(n));
        }

        return new Check("api", "every message accepted", ledger.Messages.Count, notTaken.Count, notTaken.Ids);
    }

    private static Offences Missing(Ledger ledger, CloudLedger cloud)
    {
        var missing = new Offences();
        for (var n = 0; n < ledger.Messages.Count; n++)
        {
            if (ledger.IsAccepted(n) && !cloud.IsSettled(n))
                missing.Add(ledger.Messages.Id(n));
        }

        return missing;
    }

    private static Offences NeverPosted(Ledger ledger, CloudLedger cloud)
    {
        var invented = new Offences();
        for (var n = 0; n < ledger.Messages.Count; n++)
        {
            if (cloud.IsSettled(n) && !ledger.IsPosted(n))
                invented.Add(ledger.Messages.Id(n));
        }

        return invented;
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Verdict))]
internal sealed partial class VerdictJson : JsonSerializerContext;
