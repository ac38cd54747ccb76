using CloudSync.LoadTest.Load;

namespace CloudSync.LoadTest.Audit;

/// <summary>Which messages a group has kept as dead letters. A mere count of them would hide the loss of others: a message that has arrived may be kept as well, for its answer was lost.</summary>
internal static class DeadLetterNumbers
{
    /// <exception cref="InvalidOperationException">The topic can't be read.</exception>
    public static async Task<IReadOnlySet<long>> ReadAsync(string bootstrapServers, string topic, string group, LoadMessages messages)
    {
        var numbers = new HashSet<long>();
        try
        {
            await foreach (var letter in new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = bootstrapServers, Topic = topic }).ReadAsync(new DeadLetterFilter { Group = group }))
                if (messages.NumberOf(letter.MessageId) is { } number)
                    numbers.Add(number);
            return numbers;
        }
        catch (DeadLetterRedriveException e)
        {
            throw new InvalidOperationException($"The dead letters of {group} can't be read: {e.Message}", e);
        }
    }
}
