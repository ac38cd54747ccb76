namespace CloudSync.Sdk.Testing;

/// <summary>A rule of the contract, and how it is checked.</summary>
/// <param name="Name">The rule, as a sentence.</param>
/// <param name="Check">Breaks the case where the store breaks the rule.</param>
/// <param name="Forgets">Whether the store must forget while the case runs, and so needs a short retention.</param>
internal sealed record ContractCase(string Name, Func<ContractRun, Task> Check, bool Forgets = false);
