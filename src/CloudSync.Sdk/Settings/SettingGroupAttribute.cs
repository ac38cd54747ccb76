using System.Diagnostics.CodeAnalysis;

namespace CloudSync.Sdk.Settings;

/// <summary>Marks a property that holds a group of settings of its own.</summary>
/// <remarks>It repeats the property's type because a trimmer follows the annotation of an attribute's argument, and not the type of a property.</remarks>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingGroupAttribute([DynamicallyAccessedMembers(SettingGroupAttribute.Members)] Type type) : Attribute
{
    /// <summary>What binding needs of an options class.</summary>
    public const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicProperties | DynamicallyAccessedMemberTypes.PublicParameterlessConstructor;

    [DynamicallyAccessedMembers(Members)]
    public Type Type { get; } = type;
}
