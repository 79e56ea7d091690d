# What the emulator does in each case of deviations.toml. Prints {case: outcome}.
user, key = told['user'], told['key']
NOBODY = 'AKIAEXAMPLEEXAMPLE00'


def made():
    one = c.create_access_key(UserName=user)['AccessKey']
    return {'id': one['AccessKeyId'], 'secret': one['SecretAccessKey']}


def gone(one):
    c.delete_access_key(UserName=user, AccessKeyId=one['id'])


def login(one):
    return tried(client('sts', one).get_caller_identity)


def status(one, word):
    return tried(c.update_access_key, UserName=user, AccessKeyId=one['id'], Status=word)


def with_one(case):
    one = made()
    try:
        return case(one)
    finally:
        tried(c.delete_access_key, UserName=user, AccessKeyId=one['id'])


def inactive(one):
    status(one, 'Inactive')
    return login(one)


def active_again(one):
    status(one, 'Inactive')
    status(one, 'Active')
    return login(one)


def deleted(one):
    gone(one)
    return login(one)


def used(one):
    login(one)
    last = c.get_access_key_last_used(AccessKeyId=one['id'])
    return f"{last['UserName']} {'LastUsedDate' in last['AccessKeyLastUsed']}"


def never(one):
    last = c.get_access_key_last_used(AccessKeyId=one['id'])['AccessKeyLastUsed']
    return f"{last['ServiceName']} {'LastUsedDate' in last}"


def tag_twice():
    for value in ('one', 'two'):
        c.tag_user(UserName=user, Tags=[{'Key': 'case', 'Value': value}])
    return ' '.join(t['Value'] for t in c.list_user_tags(UserName=user)['Tags'] if t['Key'] == 'case')


cases = {
    'a third key': lambda: with_one(lambda one: tried(c.create_access_key, UserName=user)),
    'a third key beside an inactive one': lambda: with_one(
        lambda one: (status(one, 'Inactive'), tried(c.create_access_key, UserName=user))[1]),
    'a login with a key': lambda: with_one(login),
    'a login with a wrong secret': lambda: login({**key, 'secret': 'example'}),
    'a login with an inactive key': lambda: with_one(inactive),
    'a login with a key made active again': lambda: with_one(active_again),
    'a login with a deleted key': lambda: with_one(deleted),
    'a login with a key that never was': lambda: login({**key, 'id': NOBODY}),
    'delete a key that is not there': lambda: tried(c.delete_access_key, UserName=user, AccessKeyId=NOBODY),
    'make a key inactive that is not there': lambda: status({'id': NOBODY}, 'Inactive'),
    'make an inactive key inactive': lambda: with_one(lambda one: (status(one, 'Inactive'), status(one, 'Inactive'))[1]),
    'the last use of a key that was used': lambda: with_one(used),
    'the last use of a key that never was used': lambda: with_one(never),
    'a key of a user who is not there': lambda: tried(c.create_access_key, UserName='nobody'),
    'a tag of a user, set twice': tag_twice,
    'a tag with a comma': lambda: tried(c.tag_user, UserName=user, Tags=[{'Key': 'case', 'Value': 'a,b'}]),
    'a user asks for what is not allowed': lambda: tried(client('iam', key).list_access_keys, UserName=user),
}


def outcome(case):
    try:
        return case()
    except Exception as broken:
        return f'broken: {broken}'


show({name: outcome(case) for name, case in cases.items()})
